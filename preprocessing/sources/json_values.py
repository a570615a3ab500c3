"""Parses JSON text exactly: no integer is too long."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import orjson

from preprocessing.sources.raw import Problem

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
# orjson makes floats of integers from 2 ** 64 on, and of those below -2 ** 63.
_LONG = (b"0" * 20, b"-" + b"0" * 19)
# No JSON, but what Python and others write for such numbers; and JSON that orjson refuses, because
# a float can't hold it.
_NOT_FINITE = re.compile(rb"NaN|Infinity|[0-9][eE]\+?[0-9]{3}")


def parser_for(block: bytes) -> Callable[[bytes], object]:
    """The fastest function that parses every line of a block right; see `parse_json`."""
    return parse_json if _has_long_number(block) else _parse


def parse_json(text: bytes) -> object:
    """The value; the error if it is no JSON.

    NaN and infinity are read as text, and a number that a float can't hold as infinity.
    """
    return _parse_exactly(text) if _has_long_number(text) else _parse(text)


def problem_of(text: bytes, value: object) -> Problem:
    """What is wrong with JSON whose value, as from `parse_json`, is no object."""
    if not isinstance(value, ValueError):
        return "not_an_object", f"the row holds {type(value).__name__}, not an object"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return "undecodable", "the row holds bytes that aren't UTF-8 text"
    return "unreadable", f"the row can't be read: {value}"


def _has_long_number(text: bytes) -> bool:
    digits = text.translate(_DIGITS)
    return any(long in digits for long in _LONG)


def _parse(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _parse_exactly(text) if _NOT_FINITE.search(text) else error


def _parse_exactly(text: bytes) -> object:
    try:
        value = json.loads(text, parse_constant=str)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except ValueError as error:
        return error
    except RecursionError:
        return ValueError("it is nested too deep")
    return value
