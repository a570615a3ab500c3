"""Lengths of time in a spec: `7d`, `12h`, `30m`, `45s`, or a plain number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pydantic

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 24 * SECONDS_PER_HOUR
_SECONDS = {"s": 1, "m": 60, "h": SECONDS_PER_HOUR, "d": SECONDS_PER_DAY}
_DURATION = re.compile(r"([0-9]+) ?([smhd])")


def seconds_of(text: str) -> int:
    """The seconds of a length of time such as 7d.

    Raises:
        ValueError: it isn't one.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("a length of time is a number and a unit, such as 45s, 30m, 12h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def _seconds(value: Any) -> Any:
    return seconds_of(value) if isinstance(value, str) else value


Duration = Annotated[int, pydantic.BeforeValidator(_seconds), pydantic.Field(ge=0)]  # seconds


def to_text(seconds: int) -> str:
    """A length of time for people, in the largest unit that divides it: 604800 is `7d`."""
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
