"""Checks and types a batch of columns; rows that fail are rejected with a reason, the others all stay."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.times import LATEST_SECOND, UNITS_PER_SECOND, TimeFormat, seconds_of
from preprocessing.sources.values import joined_lists, numbers_of, text_of
from preprocessing.spec import MULTIVALENT_SEPARATOR

_SHOWN_CHARACTERS = 60


def parse_batch(
    raw: RawBatch, columns: tuple[Column, ...], table: str, path: str, time_format: TimeFormat = "s"
) -> tuple[pa.Table, list[RejectedRow]]:
    """Types the columns of a batch (see `columns.ColumnKind`) and takes out the rows that can't be.

    Args:
        raw: [R] rows.
        columns: What to type each column as.
        table: 'events', 'items' or 'users', for the messages.
        path: The file, for the messages.
        time_format: How columns of kind `time` are written.

    Returns:
        The good rows, at most R, and the rejected ones with their first problem each.
    """
    parser = _Parser(raw, time_format)
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

    def __init__(self, raw: RawBatch, time_format: TimeFormat) -> None:
        self._raw = raw
        self._time_format = time_format
        self.problems: dict[int, tuple[str, str]] = {}

    def parse(self, column: Column) -> pa.Array:
        return getattr(self, f"_{column.kind}")(column, self._raw.columns[column.name])

    def _id(self, column: Column, values: pa.Array) -> pa.Array:
        text = self._text(column, values)
        self._reject(_is_blank(text), f"missing_{column.name}", column, text, "is empty")
        return text

    def _optional_id(self, column: Column, values: pa.Array) -> pa.Array:
        return self._text(column, values)

    def _text(self, column: Column, values: pa.Array) -> pa.Array:
        text, undecodable = text_of(values, column.source)
        self._reject(undecodable, "undecodable", column, text, "holds bytes that aren't UTF-8 text")
        return text

    def _multivalent(self, column: Column, values: pa.Array) -> pa.Array:
        text = self._text(column, joined_lists(values, MULTIVALENT_SEPARATOR))
        if self._raw.types[column.name].endswith("_seq"):
            return pc.replace_substring(text, " ", MULTIVALENT_SEPARATOR)
        return text

    def _number(self, column: Column, values: pa.Array) -> pa.Array:
        numbers, malformed = numbers_of(values, column.source)
        self._reject(malformed, "not_a_number", column, values, "is not a number")
        self._reject(np.isinf(numbers) | _is_nan_text(values), "not_finite", column, values, "is not a finite number")
        return pa.array(numbers)

    def _time(self, column: Column, values: pa.Array) -> pa.Array:
        seconds, malformed = seconds_of(values, self._time_format, column.source)
        text, _ = text_of(values, column.source)
        self._reject(_is_blank(text), "missing_timestamp", column, values, "is empty")
        reason, what = self._malformed_time()
        self._reject(malformed, reason, column, values, what)
        self._reject(np.isinf(seconds) | _is_nan_text(values), "not_finite", column, values, "is not a finite number")
        self._reject(seconds < 0, "negative_timestamp", column, values, "is before 1970")
        hint = "is after the year 2286; is events.timestamp_unit right?"
        self._reject(seconds > LATEST_SECOND, "timestamp_out_of_range", column, values, hint)
        usable = (seconds >= 0) & (seconds <= LATEST_SECOND)
        return pa.array(np.where(usable, seconds, 0).astype(np.int64))

    def _malformed_time(self) -> tuple[str, str]:
        """The reason and what it says."""
        if self._time_format in UNITS_PER_SECOND:
            return "not_a_number", "is not a number"
        is_iso = self._time_format == "iso"
        return "not_a_time", "is not an ISO 8601 time" if is_iso else f"is not a time as '{self._time_format}' has it"

    def _reject(self, bad: np.ndarray, reason: str, column: Column, values: pa.Array, what: str) -> None:
        for row in np.flatnonzero(bad):
            if int(row) not in self.problems:
                value = values[int(row)].as_py()
                shown = "" if value is None else str(value)[:_SHOWN_CHARACTERS]
                self.problems[int(row)] = (reason, f"column '{column.source}' {what}. Received: {shown!r}")


def _is_blank(text: pa.Array) -> np.ndarray:
    blank = pc.less_equal(pc.binary_length(text), 0)
    if pc.any(pc.match_substring_regex(text, r"^\s")).as_py():
        blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    return blank.to_numpy(zero_copy_only=False)


def _is_nan_text(values: pa.Array) -> np.ndarray:
    """Whether a value spells not-a-number: an absent one doesn't."""
    if pa.types.is_string(values.type):
        return pc.match_substring_regex(values, r"(?i)^\s*[+-]?nan\s*$").to_numpy(zero_copy_only=False)
    return np.zeros(len(values), bool)
