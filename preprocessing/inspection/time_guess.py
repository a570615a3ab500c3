"""Guesses how a column writes times, where its name says that it has some."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.hints import shortened
from preprocessing.inspection.names import has_words
from preprocessing.sources.times import LATEST_SECOND, UNITS_PER_SECOND, by_zone, seconds_of
from preprocessing.sources.values import as_numbers
from preprocessing.sources.zone_counts import zone_warning

EARLIEST_SECOND = 300_000_000  # 1979: smaller numbers are more likely counts or ids than times
_TIME_NAME = r"time|date|stamp|(^|_)ts$|_at$"
_NEARLY_ALL = 0.98
_SAMPLE = 1_000
_SAMPLE_SHARE = 0.9
_SHOWN = 2
_NANOSECONDS = 1_000_000_000
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_ZONES = ("", " %Z", " %z")
_CLOCK = r"(?i)^\s*\d{1,2}:\d\d(:\d\d([.,]\d+)?)?(\s?[ap]\.?m\.?)?\s*$"
# Of digits alone, by how many there are.
_DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class TimeGuess(NamedTuple):
    """How a column of text may be read as times.

    Attributes:
        time_format: A unit, `iso` or a format of strptime; "" where none is sure.
        seconds: float64 [rows], seconds since 1970, NaN where there is no time.
        doubt: What a person should know of it; "" where all values are times for sure.
    """

    time_format: str
    seconds: np.ndarray
    doubt: str


def guess_time(name: str, values: pa.Array, given: str = "") -> TimeGuess | None:
    """How a column of text is read as times; None where its name says nothing of time.

    Args:
        name: The column's.
        values: Strings [rows], "" where absent.
        given: The format of the log's times, if a person has told it: a column that it fits is read
            by it, whatever its name says.
    """
    known = _not_blank(values)
    if not len(known):
        return None
    formats = [given] if given and _fits(known[:_SAMPLE], given, name) else []
    if not formats and has_words(_TIME_NAME, name):
        formats = _formats_of(known, name)
    elif not formats:
        return None
    read_as: dict[str, np.ndarray] = {}
    for time_format in formats:
        seconds = _seconds(values, time_format, name)
        if _count(seconds) >= _NEARLY_ALL * len(known):
            read_as[time_format] = seconds
    most = max(map(_count, read_as.values()), default=0)
    best = {key: seconds for key, seconds in read_as.items() if _count(seconds) == most}
    if not best:
        return TimeGuess("", np.zeros(0), _not_read(name, values))
    first = next(iter(best))
    if any(not np.array_equal(best[first], other, equal_nan=True) for other in best.values()):
        return TimeGuess("", np.zeros(0), _ambiguous(name, values, best))
    doubts = [_partly(name, values, first, best[first])]
    if first == "iso":
        doubts.append(zone_doubt(name, values))
    return TimeGuess(first, best[first], " ".join(filter(None, doubts)))


def zone_doubt(name: str, values: pa.Array) -> str:
    """What a person should know of ISO times of which some name a zone; "" if all do, or none.

    Args:
        name: The column's.
        values: Strings [rows], "" where absent.
    """
    zoned, others = by_zone(values)
    if not len(zoned) or not len(others):
        return ""
    return zone_warning(
        f"Column {name!r}", len(zoned), zoned[0].as_py(), len(others), others[0].as_py()
    )


def are_clocks(values: pa.Array) -> bool:
    """Whether nearly all of a column's strings are times of day, such as `12:33:10`."""
    known = _not_blank(values)
    clocks = pc.sum(pc.match_substring_regex(known, _CLOCK)).as_py() or 0
    return bool(len(known)) and clocks >= _NEARLY_ALL * len(known)


def clock_doubt(date: str, clock: str, values: pa.Array) -> str:
    """What to say of events whose time is a day, where another column has times of day.

    Args:
        date: The column of days.
        clock: The other one.
        values: What it has: strings [rows].
    """
    return (
        f"Column {date!r} has days, and column {clock!r} has times of day, such as "
        f"{_shown(values)}, which aren't read: all events of a day are at its midnight, in no "
        f"order. Write both in one column, such as '2024-05-01 12:33:10' (docs/data.md, Times)."
    )


def _not_blank(values: pa.Array) -> pa.Array:
    return values.filter(pc.not_equal(pc.utf8_trim_whitespace(values), ""))


def _fits(sample: pa.Array, time_format: str, name: str) -> bool:
    return _count(_seconds(sample, time_format, name)) >= _SAMPLE_SHARE * len(sample)


def _formats_of(known: pa.Array, name: str) -> list[str]:
    """The formats that read most of the first values."""
    sample = known[:_SAMPLE]
    lengths = pc.unique(pc.utf8_length(pc.utf8_trim_whitespace(sample))).to_pylist()
    formats: list[str] = [*UNITS_PER_SECOND, "iso"]
    formats += [_DIGITS[length] for length in lengths if length in _DIGITS]
    formats += map("".join, itertools.product(_DATES, _CLOCKS, _ZONES))
    found: list[str] = []
    for time_format in formats:
        if _fits(sample, time_format, name):
            found.append(time_format)
            # Numbers have one unit that fits, and what is ISO 8601 needs no format.
            if time_format in UNITS_PER_SECOND or time_format == "iso":
                break
    return found


def _seconds(values: pa.Array, time_format: str, name: str) -> np.ndarray:
    """Seconds since 1970, NaN where a value is no likely time."""
    if time_format in UNITS_PER_SECOND:
        seconds = as_numbers(values, name)[0] / UNITS_PER_SECOND[time_format]
    else:
        seconds = seconds_of(values, time_format, name)[0]
    is_likely = (seconds >= EARLIEST_SECOND) & (seconds <= LATEST_SECOND)
    return np.where(is_likely, seconds, np.nan)


def _count(seconds: np.ndarray) -> int:
    return int((~np.isnan(seconds)).sum())


def _partly(name: str, values: pa.Array, time_format: str, seconds: np.ndarray) -> str:
    is_odd = np.isnan(seconds) & pc.not_equal(values, "").to_numpy(zero_copy_only=False)
    odd = values.filter(pa.array(is_odd))
    if not len(odd):
        return ""
    return (
        f"{len(odd):,} of {len(values):,} values of column {name!r} are no likely time as "
        f"'{time_format}' has it, such as {_shown(odd)}. Mend them, or leave them empty: then "
        f"their rows are rejected."
    )


def _ambiguous(name: str, values: pa.Array, formats: Iterable[str]) -> str:
    return (
        f"{_may_be(name, values)} can be read as {' or '.join(map(repr, formats))}. Say which is "
        f"right, as by --timestamp-format {next(iter(formats))!r} (docs/data.md, Times)."
    )


def _not_read(name: str, values: pa.Array) -> str:
    numbers, _ = as_numbers(values, name)
    known = numbers[~np.isnan(numbers)]
    if len(known) >= _NEARLY_ALL * len(values) and known.min() >= EARLIEST_SECOND * _NANOSECONDS:
        return (
            f"{_may_be(name, values)} are perhaps nanoseconds, which no timestamp_unit reads. "
            f"Divide them by 1000, and write timestamp_unit: us (docs/data.md, Times)."
        )
    if are_clocks(values):
        return (
            f"{_may_be(name, values)} are times of day without a date. Write both in one column: "
            f"docs/data.md, Times."
        )
    return (
        f"{_may_be(name, values)} are in no way of writing times that is known here. Give "
        f"--timestamp-format as strptime has it, or write events.timestamp: {name} by hand with "
        f"its timestamp_unit (s, ms, us or iso): docs/data.md, Times."
    )


def _may_be(name: str, values: pa.Array) -> str:
    return f"Column {name!r} is called like a time, but its values, such as {_shown(values)},"


def _shown(values: pa.Array) -> str:
    """Two of the values for people."""
    different = [value for value in pc.unique(values).to_pylist() if value.strip()]
    return " and ".join(repr(shortened(value)) for value in different[:_SHOWN])
