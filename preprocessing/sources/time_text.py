"""Reads times that are text, many at once.

Arrow's own `strptime` takes 31 April for 1 May, and drops time zones.
"""

from __future__ import annotations

import calendar
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MONTHS = [name.lower() for name in calendar.month_abbr]  # the first is "", so May is 5
_CENTURY = 69  # %y: 69 is 1969, 68 is 2068


class _Zone(NamedTuple):
    """How far east of UTC, int64 [R] each; both have the sign."""

    hours: np.ndarray
    minutes: np.ndarray


def seconds_by_pattern(text: pa.Array, pattern: str) -> np.ndarray:
    """Whole seconds since 1970 UTC, float64 [R]; NaN where the text isn't such a time.

    Args:
        text: Strings [R].
        pattern: As from `time_formats.pattern_of`: its groups are named as strptime's directives.
    """
    found = pc.extract_regex(text, pattern)
    parts = _Parts(found, [field.name for field in found.type])
    month = parts.number("m") if "m" in parts else parts.month_by_name()
    day = parts.number("d")
    # NumPy counts months since 1970, and knows how long each is.
    first = ((parts.year() - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days_before = first.astype("datetime64[D]").astype(np.int64)
    days_of_month = (first + 1).astype("datetime64[D]").astype(np.int64) - days_before
    days = days_before + day - 1
    hour = parts.hour()
    minute = parts.number("M")
    second = parts.number("S")
    zone = parts.zone()
    is_date = (month >= 1) & (month <= 12) & (day >= 1) & (day <= days_of_month)
    is_clock = (hour >= 0) & (hour < 24) & (minute < 60) & (second <= 60)
    is_zone = (np.abs(zone.hours) < 24) & (np.abs(zone.minutes) < 60)
    seconds = ((days * 24 + hour - zone.hours) * 60 + minute - zone.minutes) * 60 + second
    return np.where(parts.matches & is_date & is_clock & is_zone, seconds, np.nan)


class _Parts:
    """What the groups of a pattern found, [R] each."""

    def __init__(self, found: pa.Array, names: list[str]) -> None:
        self._found = found
        self._names = names
        self.matches = pc.is_valid(found).to_numpy(zero_copy_only=False)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def text(self, name: str) -> pa.Array:
        return pc.struct_field(self._found, [self._names.index(name)])

    def number(self, name: str) -> np.ndarray:
        """A group's digits as int64, 0 where there are none."""
        if name not in self:
            return np.zeros(len(self._found), np.int64)
        digits = pc.replace_substring(self.text(name), "+", "")
        known = pc.if_else(pc.equal(digits, ""), "0", digits)
        return pc.fill_null(pc.cast(known, pa.int64()), 0).to_numpy(zero_copy_only=False)

    def year(self) -> np.ndarray:
        if "Y" in self:
            return self.number("Y")
        short = self.number("y")
        return short + np.where(short < _CENTURY, 2000, 1900)

    def month_by_name(self) -> np.ndarray:
        short = pc.utf8_lower(pc.utf8_slice_codeunits(self.text("b"), 0, 3))
        places = pc.index_in(short, value_set=pa.array(_MONTHS))
        return pc.fill_null(places, 0).to_numpy(zero_copy_only=False).astype(np.int64)

    def hour(self) -> np.ndarray:
        """Hours from 0 to 23; -1 where there is no such hour."""
        if "I" not in self:
            return self.number("H")
        hour = self.number("I")
        is_later = pc.equal(pc.utf8_lower(self.text("p")), "p")
        after_noon = np.where(_known(is_later), 12, 0)
        return np.where((hour >= 1) & (hour <= 12), hour % 12 + after_noon, -1)

    def zone(self) -> _Zone:
        hours = self.number("zone_h")
        minutes = self.number("zone_m")
        if "zone_h" not in self:
            return _Zone(hours, minutes)
        is_west = _known(pc.starts_with(self.text("zone_h"), "-"))
        return _Zone(hours, np.where(is_west, -minutes, minutes))


def _known(tests: pa.Array) -> np.ndarray:
    """Tests of values as bool [R], false where a value is absent."""
    return pc.fill_null(tests, False).to_numpy(zero_copy_only=False)
