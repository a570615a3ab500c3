"""Times that are hardly right: of a wrong unit, which land in January 1970, or a wrong clock."""

from __future__ import annotations

import time

import numpy as np

from preprocessing.durations import SECONDS_PER_HOUR, to_text
from preprocessing.sources.times import UNITS_PER_SECOND
from preprocessing.splits import TimeProfile, to_iso

_YEAR_1980 = 315_532_800
_YEAR_2000 = 946_684_800
_YEAR_2100 = 4_102_444_800
_SHORT_SECONDS = 86_400
_SHORT_HOURS = 24
_LARGE = 100_000  # events
_FEW = 0.01  # of all events
_GAPS = 3  # times the longest gap elsewhere


def time_warnings(profile: TimeProfile, time_format: str, now: int | None = None) -> list[str]:
    """What looks wrong with the times of a log.

    Args:
        profile: When its events are.
        time_format: How they were read: a unit, or otherwise.
        now: Seconds since 1970; None asks the clock.
    """
    if profile.first is None or profile.last is None:
        return []
    now = int(time.time()) if now is None else now
    is_late = profile.are_late(now)
    warnings = _early(profile, time_format) + _late(profile, is_late, now)
    warnings += _apart(profile.hours[~is_late], profile.counts[~is_late])
    if warnings:
        return warnings
    events = int(profile.counts.sum())
    if events >= _LARGE and profile.last - profile.first < _SHORT_SECONDS:
        return [
            f"{events:,} events in less than a day, {_period(profile)}. Is timestamp_unit, "
            f"{time_format}, right?"
        ]
    return []


def _early(profile: TimeProfile, time_format: str) -> list[str]:
    """Of times that are before 1980."""
    seconds = profile.hours * SECONDS_PER_HOUR
    is_early = seconds < _YEAR_1980
    early = int(profile.counts[is_early].sum())
    events = int(profile.counts.sum())
    unit = _unit_that_fits(seconds[is_early], time_format)
    if early == events:
        hint = f" With timestamp_unit: {unit} they would be after 2000." if unit else ""
        return [
            f"all times are before 1980, {_period(profile)}. Is timestamp_unit, {time_format}, "
            f"right?{hint}"
        ]
    if not early:
        return []
    hint = f" They would be after 2000 in the unit {unit}: does the log mix units?" if unit else ""
    return [
        f"{early:,} of {events:,} times are before 1980, where others are up to "
        f"{to_iso(profile.last or 0)}.{hint}"
    ]


def _late(profile: TimeProfile, is_late: np.ndarray, now: int) -> list[str]:
    """Of times that are after now, in hours that begin after it."""
    late = int(profile.counts[is_late].sum())
    if not late:
        return []
    first = int(profile.hours[is_late][0]) * SECONDS_PER_HOUR
    return [
        f"{late:,} of {int(profile.counts.sum()):,} times are after now, {to_iso(now)}: from the "
        f"hour of {to_iso(first)} on, the last {to_iso(profile.last or 0)}. Was a clock wrong, or "
        f"is local time read as UTC?"
    ]


def _apart(hours: np.ndarray, counts: np.ndarray) -> list[str]:
    """Of the newest events, if they are few and come after a gap such as there is no other."""
    share = np.cumsum(counts) / max(counts.sum(), 1)
    # All but a few at either end.
    begin, end = np.searchsorted(share, [_FEW, 1 - _FEW])
    gaps = np.diff(hours)
    usual = gaps[begin:end].max(initial=1)
    unusual = end + np.flatnonzero(gaps[end:] > max(_GAPS * usual, _SHORT_HOURS))
    if not len(unusual):
        return []
    last = unusual[0]
    few = int(counts[last + 1 :].sum())
    gap = int(gaps[last]) * SECONDS_PER_HOUR
    before, after = [to_iso(int(hours[place]) * SECONDS_PER_HOUR) for place in (last, last + 1)]
    return [
        f"the newest {few:,} of {int(counts.sum()):,} events stand apart: the hour before theirs "
        f"is that of {before}, theirs begin with {after}, {to_text(gap)} later, where no other gap "
        f"is longer than {to_text(int(usual) * SECONDS_PER_HOUR)}. Was a clock wrong?"
    ]


def _period(profile: TimeProfile) -> str:
    return f"{to_iso(profile.first or 0)} to {to_iso(profile.last or 0)}"


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
