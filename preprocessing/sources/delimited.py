"""Reads CSV, TSV and RecBole atomic files: rows to batches of string columns, with the rows' numbers."""

from __future__ import annotations

import csv
import dataclasses
import difflib
import itertools
import zlib
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.files import open_text
from preprocessing.spec import Table

BATCH_ROWS = 32_768
_DIALECTS: dict[str, dict[str, Any]] = {
    "csv": {"delimiter": ","},
    "tsv": {"delimiter": "\t"},
    "recbole": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}
_HEADER_ROW = 1
_BROKEN_FILE = (EOFError, zlib.error, OSError)


@dataclasses.dataclass(frozen=True)
class Header:
    """A file's column names, and RecBole's types beside them ("" in other formats)."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    def position(self, column: Column, path: str) -> int:
        """Where a column is.

        Raises:
            DataError: it isn't there; the message names the nearest one that is.
        """
        if column.source in self.names:
            return self.names.index(column.source)
        nearest = difflib.get_close_matches(column.source, self.names, n=1)
        hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
        found = ", ".join(self.names[:30]) or "nothing: the file is empty"
        raise DataError(f"{path}: no column '{column.source}', which {column.needed_by} needs. Found: {found}.{hint}")


@dataclasses.dataclass(frozen=True)
class RawBatch:
    """Rows of a file as strings.

    Attributes:
        columns: Values by the column's name in the batch, each of length [rows].
        types: RecBole's type of each column, "" in other formats.
        numbers: The row numbers, int64 [rows]; the header is row 1.
    """

    columns: dict[str, pa.Array]
    types: dict[str, str]
    numbers: np.ndarray


def read_header(path: str, table: Table) -> Header:
    """The header of a file; without names if the file is empty."""
    with open_text(path) as stream:
        try:
            return _header(next(csv.reader(stream, **_DIALECTS[table.format]), []), table)
        except (csv.Error, *_BROKEN_FILE) as error:
            raise DataError(f"{path}: the header can't be read: {error}.") from error


def read_batches(
    path: str, table: Table, table_name: str, columns: tuple[Column, ...], batch_rows: int = BATCH_ROWS
) -> Iterator[RawBatch | RejectedRow]:
    """The rows of a file as batches of string columns, and the rows that have no columns to speak of.

    Raises:
        DataError: a column is missing.
    """
    header = read_header(path, table)
    positions = {column.name: header.position(column, path) for column in columns}
    types = {name: header.types[position] for name, position in positions.items()}
    source = _Source(path, table_name, positions, types, len(header.names))
    with open_text(path) as stream:
        reader = csv.reader(stream, **_DIALECTS[table.format])
        next(reader)
        yield from source.batches(reader, batch_rows)


def _header(cells: list[str], table: Table) -> Header:
    if table.format != "recbole":
        return Header(tuple(cell.strip() for cell in cells), ("",) * len(cells))
    parts = [cell.strip().rpartition(":") for cell in cells]
    return Header(
        tuple(name if colon else kind for name, colon, kind in parts),
        tuple(kind if colon else "" for _, colon, kind in parts),
    )


@dataclasses.dataclass(frozen=True)
class _Source:
    path: str
    table: str
    positions: dict[str, int]
    types: dict[str, str]
    width: int

    def batches(self, reader: Iterator[list[str]], batch_rows: int) -> Iterator[RawBatch | RejectedRow]:
        number = _HEADER_ROW + 1
        more = True
        while more:
            rows: list[list[str]] = []
            rejected = None
            try:
                rows.extend(itertools.islice(reader, batch_rows))  # keeps what came before an exception
                more = bool(rows)
            except csv.Error as error:
                rejected = self._reject(number + len(rows), "unreadable", f"the row can't be read: {error}")
            except _BROKEN_FILE as error:
                rejected = self._reject(number + len(rows), "truncated", f"the file breaks off here: {error}")
                more = False
            yield from self._columns(rows, np.arange(number, number + len(rows)))
            number += len(rows)
            if rejected:
                yield rejected
                number += 1

    def _reject(self, number: int, reason: str, message: str) -> RejectedRow:
        return RejectedRow(self.table, self.path, number, reason, message)

    def _columns(self, rows: list[list[str]], numbers: np.ndarray) -> Iterator[RawBatch | RejectedRow]:
        widths = set(map(len, rows))
        if widths - {self.width}:
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            yield from self._wrong_widths(lengths, numbers)
            rows, numbers = _keep(rows, numbers, lengths == self.width)
        try:
            yield from self._batch(rows, numbers)
        except UnicodeEncodeError:
            decodable = np.array([self._is_text(row) for row in rows])
            for number in numbers[~decodable]:
                yield self._reject(int(number), "undecodable", "the row holds bytes that aren't UTF-8 text")
            yield from self._batch(*_keep(rows, numbers, decodable))

    def _wrong_widths(self, lengths: np.ndarray, numbers: np.ndarray) -> Iterator[RejectedRow]:
        for row in np.flatnonzero((lengths != self.width) & (lengths > 0)):  # an empty line isn't a row
            message = f"{lengths[row]} fields where the header has {self.width}"
            yield self._reject(int(numbers[row]), "field_count", message)

    def _batch(self, rows: list[list[str]], numbers: np.ndarray) -> Iterator[RawBatch]:
        if rows:
            columns = {
                name: pa.array(list(map(itemgetter(position), rows)), pa.string())
                for name, position in self.positions.items()
            }
            yield RawBatch(columns, self.types, numbers)

    def _is_text(self, row: list[str]) -> bool:
        try:
            "".join(row[position] for position in self.positions.values()).encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True


def _keep(rows: Iterable[list[str]], numbers: np.ndarray, mask: np.ndarray) -> tuple[list[list[str]], np.ndarray]:
    return list(itertools.compress(rows, mask)), numbers[mask]
