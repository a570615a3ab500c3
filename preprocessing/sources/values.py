"""Values of any type that files have, as text and as numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.errors import DataError

_NUMBER = r"^\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_NOT_FINITE = r"(?i)^\s*[+-]?(nan|inf|infinity)\s*$"
_BLANK = r"^\s*$"
_NUMERIC = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_decimal)


def text_of(values: pa.Array, source: str) -> tuple[pa.Array, np.ndarray]:
    """Values as strings, "" where absent; whole numbers are written without a decimal point.

    Returns:
        The strings, [R], and which values are bytes that aren't UTF-8 text, bool [R].

    Raises:
        DataError: they are lists or structures.
    """
    bad = np.zeros(len(values), bool)
    values = plain(values)
    kind = values.type
    if pa.types.is_nested(kind):
        raise DataError(
            f"column '{source}' holds values of type {kind}, where one value is needed. A list is read by a feature of "
            f"kind multivalent or by events.explode, a field of a structure as '{source}.field'."
        )
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values, bad = _decoded(values)
    elif pa.types.is_floating(kind):
        values = _whole_numbers(values)
    elif not pa.types.is_string(kind):
        values = _decimals(values) if pa.types.is_decimal(kind) else pc.cast(values, pa.string())
    return (pc.fill_null(values, "") if values.null_count else values), bad


def numbers_of(values: pa.Array, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64 [R], NaN where absent or malformed, and which are malformed, bool [R]."""
    values = plain(values)
    kind = values.type
    if pa.types.is_string(kind):
        return _numbers_of_text(values)
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan), np.zeros(len(values), bool)
    if not any(test(kind) for test in _NUMERIC):
        return _numbers_of_text(text_of(values, source)[0])
    as_float = pc.cast(pc.cast(values, pa.int8()) if pa.types.is_boolean(kind) else values, pa.float64(), safe=False)
    return pc.fill_null(as_float, float("nan")).to_numpy(zero_copy_only=False), np.zeros(len(values), bool)


def joined_lists(values: pa.Array, separator: str) -> pa.Array:
    """Lists as strings of their elements, joined; other values as they are."""
    values = plain(values)
    if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        return values
    elements, _ = text_of(values.values, "list")
    lists = pa.ListArray.from_arrays(pc.cast(values.offsets, pa.int32()), elements)
    joined = pc.binary_join(lists, separator)
    absent = values.is_null()
    return pc.if_else(absent, pa.scalar(None, pa.string()), joined) if values.null_count else joined


def plain(values: pa.Array) -> pa.Array:
    """Without dictionary encoding and 64-bit offsets."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return pc.cast(values, pa.string()) if pa.types.is_large_string(values.type) else values


def array_of(values: list[Any]) -> pa.Array:
    """Python values as an array; as strings where they have no common type, such as 1 and "1"."""
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([_shown(value) for value in values], pa.string())
    return array


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (bool, dict, list)):
        return json.dumps(value)
    return str(value)


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
    texts = (None if value is None else f"{value:f}" for value in values.to_pylist())
    return pa.array([text.rstrip("0").rstrip(".") if text and "." in text else text for text in texts], pa.string())


def _whole_numbers(values: pa.Array) -> pa.Array:
    numbers = values.to_numpy(zero_copy_only=False)
    is_whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    whole = pc.cast(pa.array(np.where(is_whole, numbers, 0).astype(np.int64)), pa.string())
    present = pa.array(~np.isnan(numbers))
    text = pc.if_else(pa.array(is_whole), whole, pc.cast(values, pa.string()))
    return pc.if_else(present, text, pa.scalar(None, pa.string()))


def _numbers_of_text(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    malformed = np.zeros(len(values), bool)
    try:
        known = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
        numbers = pc.cast(known, pa.float64())
    except pa.ArrowInvalid:
        is_number = pc.fill_null(pc.match_substring_regex(values, _NUMBER), False)
        is_odd = pc.fill_null(pc.match_substring_regex(values, _NOT_FINITE), False)
        is_blank = pc.fill_null(pc.match_substring_regex(values, _BLANK), True)
        malformed = ~(pc.or_(pc.or_(is_number, is_odd), is_blank)).to_numpy(zero_copy_only=False)
        known = pc.if_else(is_number, pc.utf8_trim_whitespace(values), pa.scalar(None, pa.string()))
        numbers = pc.cast(known, pa.float64())
        is_infinite = pc.and_(is_odd, pc.match_substring(values, "inf", ignore_case=True))
        numbers = pc.if_else(is_infinite, float("inf"), numbers)
    return pc.fill_null(numbers, float("nan")).to_numpy(zero_copy_only=False), malformed
