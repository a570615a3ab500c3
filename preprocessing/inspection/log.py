"""Reads the beginning of a log without a spec, and profiles its columns."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from preprocessing.errors import DataError
from preprocessing.inspection.profile import ColumnProfile, profile_column
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_tables import Table

_MOST_BAD = 1 << 20  # rows on end that can't be read: more would tell no more
_ODD_TYPE = "its values are of type {kind}, neither single values nor lists of such"


class LogProfile(NamedTuple):
    """What a log looks like.

    Attributes:
        columns: Its columns.
        read: How many rows were read.
        rejected: How many more couldn't be, by reason.
        examples: The first row that couldn't be, by reason.
        names: Of the columns, as the first file has them.
        left_out: Columns of types that nothing can be said of, each with the reason.
        goes_on: Whether the log has more rows than those.
    """

    columns: list[ColumnProfile]
    read: int
    rejected: Counter[str]
    examples: dict[str, RejectedRow]
    names: tuple[str, ...]
    left_out: dict[str, str]
    goes_on: bool


def profile_log(table: Table, rows: int, time_format: str = "") -> LogProfile:
    """Profiles the columns of a log's first `rows` rows that can be read.

    Args:
        table: The log.
        rows: How many rows are looked at.
        time_format: How its times are written, as strptime has it, if a person has told that.

    Raises:
        DataError: there is no such file, it can't be read at all, or files have different columns.
    """
    paths = files_of(table, "")  # no configuration names it
    headers = [reader_of(table).read_header(path, table) for path in paths]
    for path, header in zip(paths, headers, strict=True):
        _check_text(header.names, path)
    is_open = headers[0].holds is not None  # other files, and rows, may have other columns
    names: dict[str, None] = {}  # ordered, each once
    for header in headers if is_open else headers[:1]:
        names |= dict.fromkeys(header.names)
    columns = tuple(Column(name, name, "any", "the first file") for name in names)
    found = _Beginning()
    found.take(_parts(table, paths, columns), rows)
    profiles: list[ColumnProfile] = []
    left_out: dict[str, str] = {}
    for name in names if found.batches else []:
        values = [batch.columns[name] for batch in found.batches]
        try:
            profile = profile_column(name, values, time_format)
        except DataError:  # a run needs such a column as little as any that isn't named
            left_out[name] = _ODD_TYPE.format(kind=values[0].type)
            continue
        if profile is not None:
            profiles.append(profile)
    return LogProfile(
        columns=profiles,
        read=found.read,
        rejected=found.rejected,
        examples=found.examples,
        names=headers[0].names,
        left_out=left_out,
        goes_on=found.goes_on,
    )


def _check_text(names: tuple[str, ...], path: str) -> None:
    try:
        "".join(names).encode()
    except UnicodeEncodeError:  # the reader keeps bytes that it can't decode
        raise DataError(
            f"{path}: the header holds bytes that aren't UTF-8 text. If it is Latin-1, give "
            f"--encoding latin-1."
        ) from None


@dataclasses.dataclass
class _Beginning:
    """The first rows of a log; see LogProfile."""

    batches: list[RawBatch] = dataclasses.field(default_factory=list)
    read: int = 0
    rejected: Counter[str] = dataclasses.field(default_factory=Counter)
    examples: dict[str, RejectedRow] = dataclasses.field(default_factory=dict)
    goes_on: bool = False

    def take(self, parts: Iterator[tuple[str, RawBatch | RejectedRow]], rows: int) -> None:
        """Takes parts, each with its file, until there are `rows` good rows."""
        bad: list[RejectedRow] = []  # those that came since the last batch, in any order with it
        for path, part in parts:
            if self.read == rows or len(bad) == _MOST_BAD:
                self.goes_on = True
                break
            if isinstance(part, RejectedRow):
                bad.append(part)
                continue
            if self.read + len(part.numbers) > rows:
                part = part.take(np.arange(rows - self.read))
                last = int(part.numbers[-1])
                bad = [row for row in bad if row.file != path or row.row < last]
                self.goes_on = True
            self.batches.append(part)
            self.read += len(part.numbers)
            self._reject(bad)
            bad = []
            if self.goes_on:
                break
        self._reject(bad)

    def _reject(self, rows: list[RejectedRow]) -> None:
        for row in rows:
            self.rejected[row.reason] += 1
            self.examples.setdefault(row.reason, row)


def _parts(
    table: Table, paths: list[str], columns: tuple[Column, ...]
) -> Iterator[tuple[str, RawBatch | RejectedRow]]:
    """The rows of all files, one file after the other, each with its file."""
    for path in paths:
        section = Section(path)
        for part in reader_of(table).read_batches(section, table, "events", columns, None):
            if not isinstance(part, SectionRows):
                yield path, part
