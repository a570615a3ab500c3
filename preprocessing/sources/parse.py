"""Checks and types a batch of columns; rows that fail are rejected with a reason."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.absent import looks_absent, without_words
from preprocessing.errors import DataError
from preprocessing.hints import shortened
from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import USER, Column
from preprocessing.sources.lists import SEPARATOR_IN_ENTRY, joined_lists, without_empty_entries
from preprocessing.sources.normal import normal_array
from preprocessing.sources.raw import Problems, RawBatch
from preprocessing.sources.times import LATEST_SECOND, UNITS_PER_SECOND, TimeFormat, seconds_of
from preprocessing.sources.values import as_numbers, as_text

_UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}
_LARGEST_NUMBER = float(np.finfo(np.float32).max)  # records hold numbers in 32 bits


def parse_batch(
    raw: RawBatch,
    columns: tuple[Column, ...],
    table: str,
    path: str,
    *,
    time_format: TimeFormat = "s",
    absent: tuple[str, ...] = (),
) -> tuple[pa.Table, list[RejectedRow]]:
    """Types the columns of a batch (see `columns.Checked`) and takes out the rows that can't be.

    Args:
        raw: [R] rows.
        columns: What to type each column as.
        table: 'events', 'items' or 'users', for the messages.
        path: The file, for the messages.
        time_format: How columns of kind `time` are written.
        absent: Texts that mean in columns of kind `number` that there is no value.

    Returns:
        The good rows, at most R, and the rejected ones with their first problem each.

    Raises:
        DataError: a column has a type that can't be what it is needed as.
    """
    parser = _Parser(raw, table, time_format, absent)
    try:
        typed = {column.name: parser.parse(column) for column in columns}
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    rejected: list[RejectedRow] = []
    for row, (reason, message) in sorted(parser.problems.items()):
        rejected.append(RejectedRow(table, path, int(raw.numbers[row]), reason, message))
    good = pa.table(typed)
    if rejected:
        good = good.filter(pa.array(~np.isin(np.arange(len(raw.numbers)), list(parser.problems))))
    return good, rejected


class _Parser:
    """Types columns and remembers the first problem of each row."""

    def __init__(
        self, raw: RawBatch, table: str, time_format: TimeFormat, absent: tuple[str, ...]
    ) -> None:
        self._raw = raw
        self._table = table
        self._time_format = time_format
        self._absent = absent
        self.problems: Problems = dict(raw.problems)

    def parse(self, column: Column) -> pa.Array:
        values = normal_array(self._raw.columns[column.name])
        if pa.types.is_string(values.type) and values.null_count:
            values = pc.fill_null(values, "")  # text that is absent is empty
        # There is a method for each kind of `columns.Checked` but `any`, which isn't checked.
        return getattr(self, f"_{column.kind}")(column, values)

    def _id(self, column: Column, values: pa.Array) -> pa.Array:
        text = self._text(column, values)
        self._reject(_is_blank(text), f"missing_{column.name}", column, text, "is empty")
        return text

    def _optional_id(self, column: Column, values: pa.Array) -> pa.Array:
        return self._text(column, values)

    def _text(self, column: Column, values: pa.Array) -> pa.Array:
        text, undecodable = as_text(values, column.source)
        self._reject(undecodable, "undecodable", column, text, "holds bytes that aren't UTF-8 text")
        if column.name != USER and _may_have_line_breaks(text):
            is_broken = pc.match_substring_regex(text, "[\r\n]").to_numpy(zero_copy_only=False)
            what = "has a line break, which no word of a vocabulary has"
            self._reject(is_broken, "line_break", column, text, what)
        return text

    def _multivalent(self, column: Column, values: pa.Array) -> pa.Array:
        joined, has_separator = joined_lists(values, MULTIVALENT_SEPARATOR, column.source)
        reason, what = SEPARATOR_IN_ENTRY
        self._reject(has_separator, reason, column, values, what)
        text = self._text(column, joined)
        if self._raw.types[column.name].endswith("_seq"):  # RecBole's lists are joined with spaces
            text = pc.replace_substring(text, " ", MULTIVALENT_SEPARATOR)
        return without_empty_entries(text)

    def _number(self, column: Column, values: pa.Array) -> pa.Array:
        if self._absent and pa.types.is_string(values.type):
            values = without_words(values, self._absent)
        numbers, malformed = as_numbers(values, column.source)
        hint = f"; if it means that there is none, name it in {self._table}.absent"
        if malformed.any():
            is_word = malformed & looks_absent(as_text(values, column.source)[0])
            self._reject(is_word, "not_a_number", column, values, f"is not a number{hint}")
        self._reject(malformed, "not_a_number", column, values, "is not a number")
        self._reject_not_finite(numbers, column, values, hint)
        is_too_large = np.abs(numbers) > _LARGEST_NUMBER
        what = "is too large for a number of 32 bits, 3.4e38 at most"
        self._reject(is_too_large, "not_finite", column, values, what)
        if column.between is not None:
            least, largest = column.between
            is_outside = (numbers < least) | (numbers > largest)
            what = f"is not between {least:g} and {largest:g}, as {column.needed_by} needs"
            self._reject(is_outside, "out_of_range", column, values, what)
        return pa.array(numbers)

    def _time(self, column: Column, values: pa.Array) -> pa.Array:
        seconds, malformed = seconds_of(values, self._time_format, column.source)
        text, _ = as_text(values, column.source)
        self._reject(_is_blank(text), "missing_timestamp", column, values, "is empty")
        reason, what = self._malformed_time()
        self._reject(malformed, reason, column, values, what)
        self._reject_not_finite(seconds, column, values)
        self._reject(seconds < 0, "negative_timestamp", column, values, "is before 1970")
        hint = "is after the year 2286: check events.timestamp_unit"
        self._reject(seconds > LATEST_SECOND, "timestamp_out_of_range", column, values, hint)
        usable = (seconds >= 0) & (seconds <= LATEST_SECOND)
        return pa.array(np.where(usable, seconds, 0).astype(np.int64))

    def _malformed_time(self) -> tuple[str, str]:
        """The reason for rejecting a time that can't be read, and what to say of it."""
        if self._time_format in UNITS_PER_SECOND:
            unit = _UNIT_NAMES[self._time_format]
            return "not_a_number", (
                f"is not a number of {unit} since 1970; for times written as text, set "
                "timestamp_unit: iso, or timestamp_format"
            )
        if self._time_format == "iso":
            return "not_a_time", (
                "is not an ISO 8601 time; for numbers, set timestamp_unit: s, ms or us"
            )
        return "not_a_time", f"is not a time as '{self._time_format}' has it"

    def _reject_not_finite(
        self, numbers: np.ndarray, column: Column, values: pa.Array, hint: str = ""
    ) -> None:
        what = "is not a finite number"
        self._reject(np.isinf(numbers), "not_finite", column, values, what)
        self._reject(_is_nan_text(values), "not_finite", column, values, f"{what}{hint}")

    def _reject(
        self, bad: np.ndarray, reason: str, column: Column, values: pa.Array, what: str
    ) -> None:
        for row in np.flatnonzero(bad).tolist():
            if row in self.problems:
                continue
            value = values[row].as_py()
            shown = "" if value is None else shortened(str(value))
            self.problems[row] = (reason, f"column '{column.source}' {what}. Received: {shown!r}")


def _may_have_line_breaks(text: pa.Array) -> bool:
    """Whether some strings may have a line break: whether there is one in their memory.

    That is much faster than asking each string, and mostly says no.
    """
    memory = text.buffers()[2]
    content = b"" if memory is None else memory.to_pybytes()
    return b"\n" in content or b"\r" in content


def _is_blank(text: pa.Array) -> np.ndarray:
    blank = pc.less_equal(pc.binary_length(text), 0)
    if pc.any(pc.match_substring_regex(text, r"^\s")).as_py():
        blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    return blank.to_numpy(zero_copy_only=False)


def _is_nan_text(values: pa.Array) -> np.ndarray:
    """Whether a value spells not-a-number: an absent one doesn't."""
    if pa.types.is_string(values.type):
        is_nan = pc.match_substring_regex(values, r"(?i)^\s*[+-]?nan\s*$")
        return is_nan.to_numpy(zero_copy_only=False)
    return np.zeros(len(values), bool)
