"""The careful reader of delimited text: row by row, telling what is wrong with each bad one."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from operator import itemgetter

import numpy as np
import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.blocks import BROKEN_FILE
from preprocessing.sources.dialect import Dialect
from preprocessing.sources.lines import Lines
from preprocessing.sources.raw import Header, RawBatch

_Rows = list[tuple[int, list[str]]]
# What Python's csv says of a strict reader's errors.
_NOT_CLOSED = "unexpected end of data"
_TEXT_FOLLOWS = "expected after"


@dataclasses.dataclass(frozen=True)
class CarefulRows:
    """Reads rows of a file.

    Attributes:
        path: The file.
        table: 'events', 'items' or 'users'.
        positions: Where each wanted column is, by its name in the batch.
        header: All columns.
        dialect: How rows are written.
    """

    path: str
    table: str
    positions: dict[str, int]
    header: Header
    dialect: Dialect

    @property
    def types(self) -> dict[str, str]:
        """RecBole's type of each wanted column, "" in other formats."""
        return {name: self.header.type_of(position) for name, position in self.positions.items()}

    def reject(self, number: int, reason: str, message: str) -> RejectedRow:
        """A row that can't be used."""
        return RejectedRow(self.table, self.path, number, reason, message)

    def read(self, lines: Lines, number: int) -> tuple[int, list[RawBatch | RejectedRow]]:
        """Reads rows until the block's own lines are used up and no row is open.

        Args:
            lines: Where to read; what is left in it afterwards has not been read.
            number: The first row's number.

        Returns:
            The next row's number, the good rows as one batch, and the rejected ones.
        """
        rows: _Rows = []
        parts: list[RawBatch | RejectedRow] = []
        for row in self._rows(lines):
            if isinstance(row, tuple):
                parts.append(self.reject(number, *row))
            elif len(row) == len(self.header.names):
                rows.append((number, row))
            elif row:  # an empty line isn't a row
                message = f"{len(row)} fields where the header has {len(self.header.names)}"
                parts.append(self.reject(number, "field_count", message))
            number += 1
        return number, parts + list(self._batch(rows))

    def _rows(self, lines: Lines) -> Iterator[list[str] | tuple[str, str]]:
        """Each row's cells, or the reason and message of its rejection."""
        reader = self.dialect.rows(lines)
        lines.row()
        while not lines.used_up:
            cells: list[str] | None = None
            error = ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                error = str(problem)
            except BROKEN_FILE:  # the row that was being read is lost with the rest of the file
                return
            used = lines.row()
            # Several lines that aren't a row of the right width were swallowed by a stray quote.
            if len(used) > 1 and (cells is None or len(cells) != len(self.header.names)):
                lines.give_back(used[1:])
                error = _NOT_CLOSED
                cells = None
            if cells is None:
                reader = self.dialect.rows(lines)
                yield _problem(error, used[0])
            else:
                yield cells

    def _batch(self, rows: _Rows) -> Iterator[RawBatch | RejectedRow]:
        """The rows as one batch; those that aren't text are rejected."""
        if not rows:
            return
        try:
            columns = self._columns(rows)
        except UnicodeEncodeError:
            good: _Rows = []
            for number, row in rows:
                if self._is_text(row):
                    good.append((number, row))
                else:
                    message = "the row holds bytes that aren't UTF-8 text"
                    yield self.reject(number, "undecodable", message)
            yield from self._batch(good)
        else:
            yield RawBatch(columns, self.types, np.array([number for number, _ in rows]))

    def _columns(self, rows: _Rows) -> dict[str, pa.Array]:
        cells = [row for _, row in rows]
        columns: dict[str, pa.Array] = {}
        for name, position in self.positions.items():
            columns[name] = pa.array(list(map(itemgetter(position), cells)), pa.string())
        return columns

    def _is_text(self, row: list[str]) -> bool:
        try:
            "".join(row[position] for position in self.positions.values()).encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True


def _problem(error: str, line: bytes) -> tuple[str, str]:
    """The reason and message of the rejection of a row that begins with a line."""
    if error != _NOT_CLOSED and _TEXT_FOLLOWS not in error:
        return "unreadable", f"the row can't be read: {error}"
    hint = ""
    if b'\\"' in line:
        hint = (
            ". It has a backslash before a quote, which is no escape here: write the file with "
            "quotes doubled"
        )
    if error == _NOT_CLOSED:
        return "unclosed_quote", f"a quote is opened and not closed where the row should end{hint}"
    return "text_after_quote", (
        f"text follows the closing quote of a value; a quote in a quoted value is doubled{hint}"
    )
