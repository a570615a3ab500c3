"""Reads the beginning of a log without a spec, and profiles its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from preprocessing.errors import DataError
from preprocessing.inspection.profile import ColumnProfile, profile_column
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section
from preprocessing.spec_tables import Table

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
    """

    columns: list[ColumnProfile]
    read: int
    rejected: Counter[str]
    examples: dict[str, RejectedRow]
    names: tuple[str, ...]
    left_out: dict[str, str]


def profile_log(table: Table, rows: int) -> LogProfile:
    """Profiles the columns of a log's first `rows` rows, or a few more.

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
    batches: list[RawBatch] = []
    read = 0
    rejected: Counter[str] = Counter()
    examples: dict[str, RejectedRow] = {}
    for part in _parts(table, paths, columns):
        if isinstance(part, RawBatch):
            batches.append(part)
            read += len(part.numbers)
        else:
            rejected[part.reason] += 1
            examples.setdefault(part.reason, part)
        if read >= rows:
            break
    profiles: list[ColumnProfile] = []
    left_out: dict[str, str] = {}
    for name in names if batches else []:
        values = [batch.columns[name] for batch in batches]
        try:
            profile = profile_column(name, values)
        except DataError:  # a run needs such a column as little as any that isn't named
            left_out[name] = _ODD_TYPE.format(kind=values[0].type)
            continue
        if profile is not None:
            profiles.append(profile)
    return LogProfile(profiles, read, rejected, examples, headers[0].names, left_out)


def _check_text(names: tuple[str, ...], path: str) -> None:
    try:
        "".join(names).encode()
    except UnicodeEncodeError:  # the reader keeps bytes that it can't decode
        raise DataError(
            f"{path}: the header holds bytes that aren't UTF-8 text. If it is Latin-1, give "
            f"--encoding latin-1."
        ) from None


def _parts(
    table: Table, paths: list[str], columns: tuple[Column, ...]
) -> Iterator[RawBatch | RejectedRow]:
    """The rows of all files, one file after the other."""
    for path in paths:
        yield from reader_of(table).read_batches(Section(path), table, "events", columns, None)
