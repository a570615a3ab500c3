"""Checks and types a batch of string columns; rows that fail are rejected with a reason, the others all stay."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.delimited import RawBatch
from preprocessing.spec import MULTIVALENT_SEPARATOR

UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
# Milliseconds or microseconds read as seconds come out above this, the year 2286.
_LATEST_SECOND = 10_000_000_000
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SHOWN_CHARACTERS = 60


def parse_batch(
    raw: RawBatch, columns: tuple[Column, ...], table: str, path: str, timestamp_unit: str = "s"
) -> tuple[pa.Table, list[RejectedRow]]:
    """Types the columns of a batch (see `columns.ColumnKind`) and takes out the rows that can't be.

    Args:
        raw: [R] rows as strings.
        columns: What to type each column as.
        table: 'events', 'items' or 'users', for the messages.
        path: The file, for the messages.
        timestamp_unit: of columns of kind `time`: s, ms or us.

    Returns:
        The good rows, at most R, and the rejected ones with their first problem each.
    """
    parser = _Parser(raw, timestamp_unit)
    typed = {column.name: parser.parse(column) for column in columns}
    rejected = [
        RejectedRow(table, path, int(raw.numbers[row]), reason, message)
        for row, (reason, message) in sorted(parser.problems.items())
    ]
    good = pa.table(typed)
    if rejected:
        good = good.filter(pa.array(~np.isin(np.arange(len(raw.numbers)), list(parser.problems))))
    return good, rejected


class _Parser:
    """Types columns and remembers the first problem of each row."""

    def __init__(self, raw: RawBatch, timestamp_unit: str) -> None:
        self._raw = raw
        self._units = UNITS_PER_SECOND[timestamp_unit]
        self.problems: dict[int, tuple[str, str]] = {}

    def parse(self, column: Column) -> pa.Array:
        return getattr(self, f"_{column.kind}")(column, self._raw.columns[column.name])

    def _id(self, column: Column, values: pa.Array) -> pa.Array:
        missing = _is_blank(values)
        self._reject(missing, f"missing_{column.name}", column, values, "is empty")
        return values

    def _optional_id(self, column: Column, values: pa.Array) -> pa.Array:
        return values

    def _text(self, column: Column, values: pa.Array) -> pa.Array:
        return values

    def _multivalent(self, column: Column, values: pa.Array) -> pa.Array:
        if self._raw.types[column.name].endswith("_seq"):
            return pc.replace_substring(values, " ", MULTIVALENT_SEPARATOR)
        return values

    def _number(self, column: Column, values: pa.Array) -> pa.Array:
        numbers = self._numbers(column, values)
        return pa.array(numbers)

    def _time(self, column: Column, values: pa.Array) -> pa.Array:
        self._reject(_is_blank(values), "missing_timestamp", column, values, "is empty")
        times = np.floor(self._numbers(column, values) / self._units)
        self._reject(times < 0, "negative_timestamp", column, values, "is before 1970")
        hint = "is after the year 2286; is events.timestamp_unit right?"
        self._reject(times > _LATEST_SECOND, "timestamp_out_of_range", column, values, hint)
        usable = (times >= 0) & (times <= _LATEST_SECOND)
        return pa.array(np.where(usable, times, 0).astype(np.int64))

    def _numbers(self, column: Column, values: pa.Array) -> np.ndarray:
        """float64 [R]; NaN where a value is blank or rejected."""
        try:
            numbers = _cast(values)
            malformed = np.zeros(len(values), bool)
        except pa.ArrowInvalid:
            numbers, malformed = _parse_each(values)
        self._reject(malformed, "not_a_number", column, values, "is not a number")
        not_finite = ~np.isfinite(numbers) & ~malformed & ~_is_blank(values)
        self._reject(not_finite, "not_finite", column, values, "is not a finite number")
        return numbers

    def _reject(self, bad: np.ndarray, reason: str, column: Column, values: pa.Array, what: str) -> None:
        for row in np.flatnonzero(bad):
            shown = values[int(row)].as_py()[:_SHOWN_CHARACTERS]
            self.problems.setdefault(int(row), (reason, f"column '{column.source}' {what}. Received: {shown!r}"))


def _is_blank(values: pa.Array) -> np.ndarray:
    return pc.equal(pc.utf8_trim_whitespace(values), "").to_numpy(zero_copy_only=False)


def _cast(values: pa.Array) -> np.ndarray:
    trimmed = pc.utf8_trim_whitespace(values)
    known = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    return pc.fill_null(pc.cast(known, pa.float64()), float("nan")).to_numpy(zero_copy_only=False)


def _parse_each(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The slow path, for a batch in which some value is malformed: numbers and which are malformed."""
    numbers = np.full(len(values), np.nan)
    malformed = np.zeros(len(values), bool)
    for row, text in enumerate(map(str.strip, values.to_pylist())):
        if _NUMBER.fullmatch(text):
            numbers[row] = float(text)
        else:
            malformed[row] = bool(text) and text.lower().lstrip("+-") not in ("nan", "inf", "infinity")
    return numbers, malformed
