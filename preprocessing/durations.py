"""Lengths of time in a spec: `7d`, `12h`, `30m`, `45s`, or a plain number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pydantic

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 24 * SECONDS_PER_HOUR
_SECONDS = {"s": 1, "m": 60, "h": SECONDS_PER_HOUR, "d": SECONDS_PER_DAY}
FORM = "a length of time is a number and a unit, such as 45s, 30m, 12h or 7d"
_DURATION = re.compile(r"([0-9]+) ?([smhd])")


def seconds_of(text: str) -> int:
    """The seconds of a length of time such as 7d.

    Raises:
        ValueError: it isn't one.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(FORM)
    return int(found[1]) * _SECONDS[found[2]]


def _seconds(value: Any) -> int:
    if isinstance(value, str):
        return seconds_of(value)
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not is_whole:
        raise ValueError(FORM)
    return int(value)


Duration = Annotated[int, pydantic.BeforeValidator(_seconds), pydantic.Field(ge=0)]  # seconds


def to_text(seconds: int) -> str:
    """A length of time for people, in the largest unit that divides it: 604800 is `7d`."""
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
