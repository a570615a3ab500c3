"""Checks of the time that `--as-of` gives, or that a log's end gives in its place."""

from __future__ import annotations

import time

from pipelines.errors import RunError
from preprocessing.sources.times import LATEST_SECOND
from preprocessing.splits import to_iso

_CLOCKS_APART = 60  # seconds, from one machine to the next
_YEAR_2000 = 946_684_800
_SMALLER_UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000}  # how many a second has


def check_seconds(as_of: int) -> None:
    """Checks a time that `--as-of` gave.

    Raises:
        RunError: it isn't in seconds.
    """
    now = int(time.time())
    if not 0 <= as_of <= LATEST_SECOND:
        raise RunError(
            f"--as-of takes seconds since 1970, which are {now} now. Received: {as_of}."
            f"{_unit_hint(as_of, now)}"
        )


def check_time(as_of: int, what: str) -> None:
    """Checks the time of what is made, which may be the log's end.

    Raises:
        RunError: it isn't in seconds, or after now.
    """
    check_seconds(as_of)
    now = int(time.time())
    if as_of > now + _CLOCKS_APART:
        raise RunError(
            f"{what} would be as of {to_iso(as_of)}, which is after now, {to_iso(now)}: windows "
            "would have hours that are yet to come. Give --as-of now. Where the log itself goes on "
            "after now, are its clocks right, or is local time read as UTC?"
        )


def _unit_hint(as_of: int, now: int) -> str:
    """Which unit a number that isn't in seconds may be in."""
    for unit, in_a_second in _SMALLER_UNITS.items():
        seconds = as_of // in_a_second
        if _YEAR_2000 <= seconds <= now + _CLOCKS_APART:
            return f" Is it in {unit}? In seconds it is {seconds}, {to_iso(seconds)}."
    return ""
