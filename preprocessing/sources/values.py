"""Reads values of any type that files have, as text or as numbers.

What a value is read as depends on the value alone, never on its neighbours in a batch.
"""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.errors import DataError
from preprocessing.sources.normal import is_any, normal_array

_NUMBER = r"^\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_NOT_FINITE = r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$"
_BLANK = r"^\s*$"
_TRUE = r"(?i)^\s*true\s*$"
_FALSE = r"(?i)^\s*false\s*$"
_NUMERIC = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)
_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
_UNREAD = (pa.types.is_duration, pa.types.is_interval)
_LARGEST_INT64 = 2.0**63


def as_text(values: pa.Array, source: str) -> tuple[pa.Array, np.ndarray]:
    """Values as strings, "" where absent; whole numbers are digits, without a decimal point.

    Returns:
        The strings, [R], and which values are bytes that aren't UTF-8 text, bool [R].

    Raises:
        DataError: they are lists or structures, or of a type that is neither text nor number.
    """
    bad = np.zeros(len(values), bool)
    values = normal_array(values)
    kind = values.type
    if pa.types.is_nested(kind):
        raise DataError(
            f"column '{source}' holds values of type {kind}, where one value is needed. A list is "
            f"read by a feature of kind multivalent or by events.explode, a field of a structure "
            f"as '{source}.field'."
        )
    if is_any(kind, _UNREAD):
        raise DataError(
            f"column '{source}' holds values of type {kind}, which is neither text nor a number "
            f"nor a time. Write it as a number, such as of seconds."
        )
    if is_any(kind, _BYTES):
        values, bad = _decoded(values)
    elif pa.types.is_floating(kind):
        values = _whole_numbers(values)
    elif pa.types.is_decimal(kind):
        values = _decimals(values)
    elif not pa.types.is_string(kind):
        values = pc.cast(values, pa.string())
    if values.null_count:
        values = pc.fill_null(values, "")
    return values, bad


def as_numbers(values: pa.Array, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64 [R], NaN where absent or malformed, and which are malformed, bool [R]."""
    values = normal_array(values)
    kind = values.type
    if pa.types.is_string(kind):
        return _numbers_of_text(values)
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan), np.zeros(len(values), bool)
    if not is_any(kind, _NUMERIC):
        return _numbers_of_text(as_text(values, source)[0])
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
    known = pc.cast(values, pa.float64(), safe=False)
    numbers = pc.fill_null(known, float("nan")).to_numpy(zero_copy_only=False)
    return numbers, np.zeros(len(values), bool)


def _decoded(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    try:
        return pc.cast(values, pa.string()), np.zeros(len(values), bool)
    except pa.ArrowInvalid:
        texts = [_decode(value) for value in values.to_pylist()]
        bad = np.array([text is None for text in texts])
        return pa.array(["" if text is None else text for text in texts], pa.string()), bad


def _decode(value: bytes | None) -> str | None:
    try:
        return "" if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _decimals(values: pa.Array) -> pa.Array:
    return pa.array([decimal_text(value) for value in values.to_pylist()], pa.string())


def decimal_text(value: decimal.Decimal | None) -> str | None:
    """A decimal number without zeros at its end, and without a point where it is whole."""
    if value is None:
        return None
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _whole_numbers(values: pa.Array) -> pa.Array:
    """Floats as text: whole numbers in all their digits, others as short as tells them apart."""
    numbers = values.to_numpy(zero_copy_only=False)
    is_whole = (numbers == np.floor(numbers)) & np.isfinite(numbers)
    # Those that fit are cast to integers, which Arrow writes in all their digits.
    is_small = is_whole & (np.abs(numbers) < _LARGEST_INT64)
    whole = pc.cast(pa.array(np.where(is_small, numbers, 0).astype(np.int64)), pa.string())
    text = pc.if_else(pa.array(is_small), whole, pc.cast(values, pa.string()))
    is_large = is_whole & ~is_small
    if is_large.any():
        digits = pa.array([str(int(number)) for number in numbers[is_large]], pa.string())
        text = pc.replace_with_mask(text, pa.array(is_large), digits)
    return pc.if_else(pa.array(~np.isnan(numbers)), text, pa.scalar(None, pa.string()))


def _numbers_of_text(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    malformed = np.zeros(len(values), bool)
    try:
        known = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        numbers = pc.cast(known, pa.float64())
    except pa.ArrowInvalid:
        numbers, malformed = _numbers_of_odd_text(pc.fill_null(values, ""))
    return pc.fill_null(numbers, float("nan")).to_numpy(zero_copy_only=False), malformed


def _numbers_of_odd_text(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Text with spaces around numbers, with true and false, or that is no number."""
    is_number = pc.match_substring_regex(values, _NUMBER)
    is_odd = pc.match_substring_regex(values, _NOT_FINITE)
    is_true = pc.match_substring_regex(values, _TRUE)
    is_false = pc.match_substring_regex(values, _FALSE)
    known = pc.if_else(is_number, pc.utf8_trim_whitespace(values), pa.scalar(None, pa.string()))
    known = pc.if_else(is_true, "1", pc.if_else(is_false, "0", known))
    numbers = pc.cast(known, pa.float64())
    is_infinite = pc.and_(is_odd, pc.match_substring(values, "inf", ignore_case=True))
    numbers = pc.if_else(is_infinite, float("inf"), numbers)
    is_readable = pc.match_substring_regex(values, _BLANK)
    for mask in (is_number, is_odd, is_true, is_false):
        is_readable = pc.or_(is_readable, mask)
    return numbers, ~is_readable.to_numpy(zero_copy_only=False)
