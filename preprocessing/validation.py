"""Checks a spec and its log without running the pipeline, and gathers all that is wrong."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow, lost_rows, read_report
from preprocessing.records import CountRecords
from preprocessing.report_checks import pretraining_problems, report_findings
from preprocessing.sources.bigquery import check_client
from preprocessing.sources.check import columns_to_find
from preprocessing.sources.columns import TABLES, TIME, TableName
from preprocessing.sources.explode import explode_of
from preprocessing.sources.files import size_of
from preprocessing.sources.headers import check_headers
from preprocessing.sources.read import read_table
from preprocessing.sources.row_counts import rows_of
from preprocessing.spec import DatasetSpec
from preprocessing.spec_bigquery import BigQuery
from preprocessing.splits import TimeProfile, cut_offs, to_iso
from preprocessing.time_warnings import time_warnings


@dataclasses.dataclass
class TableCheck:
    """What was found in a table.

    Attributes:
        name: 'events', 'items', 'users' or 'context'.
        files: How many files it has.
        rows: How many rows it has, rejected ones among them.
        entries: How many entries its lists have, rejected ones among them; None where no lists are
            taken apart.
        rejected_rows: How many rows are rejected.
        rejected_entries: How many entries of the lists in other rows are rejected.
        reasons: The rejected rows and entries by reason.
        examples: The first rejected row of each reason.
        file_bytes: How large the files are that can be read.
        lost_bytes: How much of them comes after a break.
        are_read: Whether it has files that can be read.
    """

    name: TableName
    files: int = 0
    rows: int = 0
    entries: int | None = None
    rejected_rows: int = 0
    rejected_entries: int = 0
    reasons: Counter[str] = dataclasses.field(default_factory=Counter)
    examples: dict[str, RejectedRow] = dataclasses.field(default_factory=dict)
    file_bytes: int = 0
    lost_bytes: int = 0
    are_read: bool = False

    def reject(self, row: RejectedRow) -> None:
        """Counts a rejected row."""
        self.reasons[row.reason] += 1
        self.rejected_rows += not row.is_entry
        self.rejected_entries += row.is_entry
        self.lost_bytes += row.lost_bytes
        self.examples.setdefault(row.reason, row)


@dataclasses.dataclass
class Validation:
    """What was found in all tables.

    Attributes:
        tables: What was found in each.
        report: The data report that a run would make; empty where something keeps it from being
            made.
        period: When the first and the last event happened.
        problems: What keeps any training from succeeding; empty if all is well.
        run_problems: What keeps a run from succeeding, which pre-trains; an experiment may not.
        warnings: What looks wrong, but may be meant.
        unread: Tables in BigQuery, whose rows are checked by a run alone.
    """

    tables: list[TableCheck] = dataclasses.field(default_factory=list)
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    period: tuple[str, str] | None = None
    problems: list[str] = dataclasses.field(default_factory=list)
    run_problems: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    unread: list[TableName] = dataclasses.field(default_factory=list)


def validate(spec: DatasetSpec) -> Validation:
    """Reads every file of every table, and counts the records that a run would make."""
    found = Validation()
    for table in TABLES:
        declared = getattr(spec, table)
        if declared is None:
            continue
        if declared.bigquery:
            found.unread.append(table)
            found.problems += _client_problems(declared.bigquery)
            continue
        checked = _check_table(spec, table)
        found.tables.append(checked.check)
        found.problems += checked.problems
        found.warnings += checked.warnings
        found.period = checked.period or found.period
    if not found.problems and not found.unread:
        found.report = _count_records(spec)
        problems, warnings = report_findings(spec, found.report)
        found.problems += problems
        found.run_problems += pretraining_problems(spec, found.report)
        found.warnings += warnings
    return found


def _count_records(spec: DatasetSpec) -> dict[str, Any]:
    """The data report, counted by the job itself, so that it is what a run would have."""
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
            _ = pipeline | CountRecords(spec, folder)
        return read_report(folder)


def _client_problems(source: BigQuery) -> list[str]:
    try:
        check_client(source)
    except DataError as error:
        return [str(error)]
    return []


class _Checked(NamedTuple):
    """What was found in a table; its fields are Validation's."""

    check: TableCheck
    problems: list[str]
    warnings: Sequence[str] = ()
    period: tuple[str, str] | None = None


def _check_table(spec: DatasetSpec, table: TableName) -> _Checked:
    read = _Reading.of(spec, table)
    too_many = _too_many_rejected(spec, read.check)
    problems = [*read.problems, *too_many]
    if table != "events" or not read.check.files:
        return _Checked(read.check, problems)
    profile = TimeProfile.of(np.concatenate([np.zeros(0, np.int64), *read.times]))
    are_all_rejected = profile.first is None and bool(too_many)
    # Without all of the log, that its time can't be cut would only follow from what is known.
    if not read.problems and not are_all_rejected:
        problems += _cut_off_problems(spec, profile)
    warnings = time_warnings(profile, spec.events.time_format)
    return _Checked(read.check, problems, warnings, _period(profile))


@dataclasses.dataclass
class _Reading:
    """What reading a table gave.

    Attributes:
        check: What was found in it.
        problems: Why files couldn't be read, or not to their end.
        times: Of events, when they were: int64, seconds.
    """

    check: TableCheck
    problems: list[str] = dataclasses.field(default_factory=list)
    times: list[np.ndarray] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, spec: DatasetSpec, table: TableName) -> _Reading:
        """Reads all files that have all columns."""
        declared = getattr(spec, table)
        check = TableCheck(table)
        if explode_of(declared) is not None:
            check.entries = 0
        read = cls(check)
        try:
            for path, problems in check_headers(declared, table, columns_to_find(spec, table)):
                check.files += 1
                read.problems += problems
                if not problems:
                    check.are_read = True
                    check.file_bytes += size_of(path)
                    read._read(spec, path)
        except DataError as error:
            read.problems.append(str(error))
        check.rows += check.rejected_rows
        if check.entries is not None:
            check.entries += check.rejected_entries
        return read

    def _read(self, spec: DatasetSpec, path: str) -> None:
        """Adds a file, or as much of it as can be read."""
        check = self.check
        try:
            for part in read_table(spec, check.name, path):
                if isinstance(part, list):
                    for row in part:
                        check.reject(row)
                    continue
                check.rows += rows_of(part)
                if check.entries is not None:
                    check.entries += part.num_rows
                if check.name == "events":
                    self.times.append(part.column(TIME).to_numpy())
        except DataError as error:
            self.problems.append(str(error))


def _too_many_rejected(spec: DatasetSpec, check: TableCheck) -> list[str]:
    """The problems of a table that has more rejected rows, or entries, than the spec allows."""
    lost = lost_rows(check.rows, check.file_bytes, check.lost_bytes)
    shares = [("rows", check.rejected_rows + lost, check.rows + lost)]
    if check.entries is not None:
        shares.append(("entries of lists in the rows", check.rejected_entries, check.entries))
    problems: list[str] = []
    for what, rejected, read in shares:
        if rejected > spec.max_bad_rows * read:
            problems.append(
                f"table {check.name}: {rejected:,} of {read:,} {what} would be rejected, "
                f"{rejected / read:.2%}; max_bad_rows allows {spec.max_bad_rows:.2%}."
            )
    return problems


def _period(profile: TimeProfile) -> tuple[str, str] | None:
    if profile.first is None or profile.last is None:
        return None
    return to_iso(profile.first), to_iso(profile.last)


def _cut_off_problems(spec: DatasetSpec, profile: TimeProfile) -> list[str]:
    try:
        cut_offs(profile, spec.split, spec.attribution_window)
    except DataError as error:
        return [str(error)]
    return []
