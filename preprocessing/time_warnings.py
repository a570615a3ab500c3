"""Times that are hardly right: those of a wrong unit land in January 1970, and zones are mixed."""

from __future__ import annotations

import numpy as np

from preprocessing.durations import SECONDS_PER_HOUR
from preprocessing.hints import shortened
from preprocessing.sources.times import UNITS_PER_SECOND
from preprocessing.splits import TimeProfile, to_iso

_YEAR_1980 = 315_532_800
_YEAR_2000 = 946_684_800
_YEAR_2100 = 4_102_444_800
_SHORT_SECONDS = 86_400
_LARGE = 100_000  # events


def time_warnings(profile: TimeProfile, time_format: str) -> list[str]:
    """What looks wrong with the times of a log.

    Args:
        profile: When its events are.
        time_format: How they were read: a unit, or otherwise.
    """
    if profile.first is None or profile.last is None:
        return []
    seconds = profile.hours * SECONDS_PER_HOUR
    early = int(profile.counts[seconds < _YEAR_1980].sum())
    events = int(profile.counts.sum())
    period = f"{to_iso(profile.first)} to {to_iso(profile.last)}"
    unit = _unit_that_fits(seconds[seconds < _YEAR_1980], time_format)
    if early == events:
        hint = f" With timestamp_unit: {unit} they would be after 2000." if unit else ""
        return [
            f"all times are before 1980, {period}. Is timestamp_unit, {time_format}, right?{hint}"
        ]
    if early:
        hint = ""
        if unit:
            hint = f" They would be after 2000 in the unit {unit}: does the log mix units?"
        return [
            f"{early:,} of {events:,} times are before 1980, where others are up to "
            f"{to_iso(profile.last)}.{hint}"
        ]
    if events >= _LARGE and profile.last - profile.first < _SHORT_SECONDS:
        return [
            f"{events:,} events in less than a day, {period}. Is timestamp_unit, {time_format}, "
            f"right?"
        ]
    return []


def zone_warning(where: str, zoned: int, example: str, others: int, other_example: str) -> str:
    """What to say of a column some of whose times name a zone.

    Args:
        where: The column, and its table where there are several.
        zoned: How many of its times name a zone.
        example: One of them.
        others: How many don't.
        other_example: One of these.
    """
    return (
        f"{where} has times with a zone ({zoned:,}, such as {shortened(example)!r}) and without "
        f"one ({others:,}, such as {shortened(other_example)!r}): these are read as UTC. If they "
        f"are of another zone, write it."
    )


def _unit_that_fits(seconds: np.ndarray, time_format: str) -> str | None:
    """The unit by which times that were read by another one come after 2000."""
    if time_format not in UNITS_PER_SECOND or not len(seconds):
        return None
    for unit, units_per_second in UNITS_PER_SECOND.items():
        factor = UNITS_PER_SECOND[time_format] / units_per_second
        latest = (seconds.max() + SECONDS_PER_HOUR) * factor  # the hour's events are up to its end
        if latest >= _YEAR_2000 and seconds.min() * factor < _YEAR_2100:
            return unit
    return None
