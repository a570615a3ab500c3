"""Rejected rows: what they look like, and the check that there were not too many."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

from apache_beam.io.filesystems import FileSystems

from preprocessing.errors import DataError
from preprocessing.spec import DatasetSpec

REJECTED_FILE = "rejected_rows.jsonl"
REPORT_FILE = "data_report.json"


@dataclasses.dataclass(frozen=True)
class RejectedRow:
    """A row that can't be used.

    Attributes:
        table: 'events', 'items', 'users' or 'context'.
        file: Its path, or the table or query in BigQuery.
        row: Its number in the file; the header is row 1. A quoted line break doesn't start a row. 0
            in BigQuery.
        reason: A short code, one of a few, for counting.
        message: The same for people, with the offending value.
        is_entry: Whether it is only an entry of the row's list, whose other entries are used.
        lost_bytes: Where it stands for the rest of a file that breaks off: how much that is, as it
            is stored.
    """

    table: str
    file: str
    row: int
    reason: str
    message: str
    lost_bytes: int = 0
    is_entry: bool = False

    def to_json(self) -> str:
        """One line of the quarantine file."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


def keep_report(quarantine_dir: str, directory: str) -> None:
    """Copies the data report beside the records that it is of, where no later run replaces it."""
    with FileSystems.open(FileSystems.join(quarantine_dir, REPORT_FILE)) as stream:
        report = stream.read()
    with FileSystems.create(FileSystems.join(directory, REPORT_FILE)) as stream:
        stream.write(report)


def read_report(quarantine_dir: str) -> dict[str, Any]:
    """The data report that a run left in its quarantine directory, or beside its records.

    Raises:
        DataError: there is none.
    """
    path = FileSystems.join(quarantine_dir, REPORT_FILE)
    if not FileSystems.exists(path):
        raise DataError(
            f"{path}: no data report. The run that should have written it didn't end well."
        )
    with FileSystems.open(path) as stream:
        return json.load(stream)


def check_quarantine(spec: DatasetSpec, quarantine_dir: str) -> None:
    """Checks, after a run, that no table had more bad rows than `spec.max_bad_rows` allows.

    Where lists are taken apart, the same holds for their entries.

    Raises:
        DataError: one had; the message names the most frequent reasons, each with an example.
    """
    report = read_report(quarantine_dir)
    path = FileSystems.join(quarantine_dir, REJECTED_FILE)
    for table, rows in report["rows"].items():
        message = too_many(
            spec, table, rows, report["bytes"].get(table, {}), functools.partial(_examples, path)
        )
        if message:
            raise DataError(f"{message} All of them are in {path}.")


def too_many(
    spec: DatasetSpec,
    table: str,
    rows: dict[str, Any],
    size: dict[str, int],
    examples_of: Callable[[str, set[str]], dict[str, dict[str, Any]]],
) -> str:
    """What is wrong where a table has more bad rows than `spec.max_bad_rows` allows; else "".

    Args:
        spec: The dataset spec.
        table: The table's name.
        rows: How many rows and entries were read, and how many rejected, as in the data report.
        size: The same of bytes.
        examples_of: Gives, by reason, a rejected row of the table for each of some reasons.
    """
    lost = lost_rows(rows["read"], size.get("read", 0), size.get("lost", 0))
    counted = [_Counted("rows", rows["read"] + lost, rows["rejected"], lost)]
    if "entries" in rows:
        rejected = rows.get("rejected_entries", {})
        counted.append(_Counted("entries of lists in the rows", rows["entries"], rejected))
    for found in counted:
        if found.bad > spec.max_bad_rows * found.read:
            return _message(spec, table, found, examples_of)
    return ""


@dataclasses.dataclass(frozen=True)
class _Counted:
    """Rows, or entries of their lists.

    Attributes:
        what: What they are called in messages.
        read: How many there are.
        rejected: How many of them are rejected, by reason.
        lost: About how many of them come after the breaks of files.
    """

    what: str
    read: int
    rejected: dict[str, int]
    lost: int = 0

    @property
    def bad(self) -> int:
        return sum(self.rejected.values()) + self.lost


def lost_rows(rows: int, file_bytes: int, lost_bytes: int) -> int:
    """Estimates how many rows come after the breaks of files, from how many came before.

    Args:
        rows: All that were read.
        file_bytes: The size of all files.
        lost_bytes: How much of that could not be read.
    """
    if lost_bytes >= file_bytes:
        return 0  # nothing was read, and nothing tells how many rows there were
    return round(rows * lost_bytes / (file_bytes - lost_bytes))


def _message(
    spec: DatasetSpec,
    table: str,
    found: _Counted,
    examples_of: Callable[[str, set[str]], dict[str, dict[str, Any]]],
) -> str:
    frequent = sorted(found.rejected.items(), key=lambda reason: (-reason[1], reason[0]))[:3]
    examples = examples_of(table, {reason for reason, _ in frequent})
    reasons = [f"{count} x {reason}{_place(examples.get(reason))}" for reason, count in frequent]
    place = getattr(spec, table).place
    share = found.bad / max(found.read, 1)
    after_breaks = ""
    if found.lost:
        after_breaks = f" About {found.lost} of them come after the breaks of files, by bytes."
    return (
        f"{found.bad:,} of the {found.read:,} {found.what} of table {table} ({place}) can't be "
        f"used, {share:.2%}, and max_bad_rows allows {spec.max_bad_rows:.2%}. "
        f"Most frequent: {'; '.join(reasons)}.{after_breaks}"
    )


def _place(example: dict[str, Any] | None) -> str:
    return f" ({example['file']}, row {example['row']}: {example['message']})" if example else ""


def _examples(path: str, table: str, reasons: set[str]) -> dict[str, dict[str, Any]]:
    """The example with the smallest file and row number for each reason."""
    found: dict[str, dict[str, Any]] = {}
    with FileSystems.open(path) as stream:
        for line in stream:
            row = json.loads(line)
            if row["table"] == table and row["reason"] in reasons:
                best = found.get(row["reason"], row)
                found[row["reason"]] = min(best, row, key=lambda r: (r["file"], r["row"]))
    return found
