"""Checks a spec and its log without running the pipeline, and gathers all that is wrong."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

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
        if declared is not None and declared.bigquery:
            found.unread.append(table)
            _check_client(declared.bigquery, found)
        elif declared is not None:
            found.tables.append(_check_table(spec, table, found))
    if not found.problems and not found.unread:
        _count_records(spec, found)
    return found


def _count_records(spec: DatasetSpec, found: Validation) -> None:
    """Counts by the job itself, so that it counts what a run would have."""
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
            _ = pipeline | CountRecords(spec, folder)
        found.report = read_report(folder)
    problems, warnings = report_findings(spec, found.report)
    found.problems += problems
    found.run_problems += pretraining_problems(spec, found.report)
    found.warnings += warnings


def _check_client(source: BigQuery, found: Validation) -> None:
    try:
        check_client(source)
    except DataError as error:
        found.problems.append(str(error))


def _check_table(spec: DatasetSpec, table: TableName, found: Validation) -> TableCheck:
    has_entries = explode_of(getattr(spec, table)) is not None
    entries = 0
    check = TableCheck(table)
    times = [np.zeros(0, np.int64)]
    problems_before = len(found.problems)
    for path in _readable_files(spec, table, check, found):
        try:
            for part in read_table(spec, table, path):
                if isinstance(part, list):
                    for row in part:
                        check.reject(row)
                    continue
                check.rows += rows_of(part)
                entries += part.num_rows
                if table == "events":
                    times.append(part.column(TIME).to_numpy())
        except DataError as error:
            found.problems.append(str(error))
    are_all_read = len(found.problems) == problems_before
    check.rows += check.rejected_rows
    lost = lost_rows(check.rows, check.file_bytes, check.lost_bytes)
    _check_share(spec, table, check.rejected_rows + lost, check.rows + lost, "rows", found)
    if has_entries:
        check.entries = entries + check.rejected_entries
        what = "entries of lists in the rows"
        _check_share(spec, table, check.rejected_entries, check.entries, what, found)
    if table == "events" and check.files:
        profile = TimeProfile.of(np.concatenate(times))
        _check_times(spec, profile, found)
        are_all_rejected = profile.first is None and len(found.problems) > problems_before
        # Without all of the log, that its time can't be cut would only follow from what is known.
        if are_all_read and not are_all_rejected:
            _check_cut_offs(spec, profile, found)
    return check


def _check_share(
    spec: DatasetSpec, table: TableName, rejected: int, read: int, what: str, found: Validation
) -> None:
    if rejected > spec.max_bad_rows * read:
        found.problems.append(
            f"table {table}: {rejected} of {read} {what} would be rejected, {rejected / read:.2%}; "
            f"max_bad_rows allows {spec.max_bad_rows:.2%}."
        )


def _readable_files(
    spec: DatasetSpec, table: TableName, check: TableCheck, found: Validation
) -> Iterator[str]:
    """The files that have all columns; the others become problems."""
    declared = getattr(spec, table)
    try:
        for path, problems in check_headers(declared, table, columns_to_find(spec, table)):
            check.files += 1
            found.problems += problems
            if not problems:
                check.file_bytes += size_of(path)
                yield path
    except DataError as error:
        found.problems.append(str(error))


def _check_times(spec: DatasetSpec, profile: TimeProfile, found: Validation) -> None:
    if profile.first is not None and profile.last is not None:
        found.period = (to_iso(profile.first), to_iso(profile.last))
    found.warnings += time_warnings(profile, spec.events.time_format)


def _check_cut_offs(spec: DatasetSpec, profile: TimeProfile, found: Validation) -> None:
    try:
        cut_offs(profile, spec.split, spec.attribution_window)
    except DataError as error:
        found.problems.append(str(error))
