"""Times as text are read as Python reads them, days that don't exist are none, and implausible ones
are warned of."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pydantic
import pytest

from preprocessing.sources.time_text import seconds_by_pattern
from preprocessing.sources.times import UNITS_PER_SECOND, seconds_of
from preprocessing.splits import TimeProfile
from preprocessing.time_formats import known_time_format, pattern_of
from preprocessing.time_warnings import time_warnings
from tests.testing import small_spec

UTC = datetime.timezone.utc
TIMES = [
    datetime.datetime(2024, 2, 29, 13, 5, 7, tzinfo=UTC),
    datetime.datetime(1997, 12, 1, tzinfo=UTC),
]


@pytest.mark.parametrize(
    "time_format",
    [
        "%Y-%m-%d %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%d %b %Y",
        "%d. %B %y, %H:%M",
        "%Y%m%d",
        "%Y-%m-%dT%H:%M:%S.%f%z",
        "%a %b %d %H:%M:%S %Z %Y",
        "%d/%b/%Y:%H:%M:%S %z",
        "%F %T 100%%",
        "[%D] %R",
    ],
)
def test_formats_are_read_as_python_reads_them(time_format: str) -> None:
    known_time_format(time_format)
    texts = [time.strftime(time_format) for time in TIMES]
    long = time_format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S").replace("%D", "%m/%d/%y")
    expected = [datetime.datetime.strptime(text, long.replace("%R", "%H:%M")) for text in texts]
    seconds = [(time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() for time in expected]
    assert seconds_by_pattern(pa.array(texts), pattern_of(time_format)).tolist() == seconds


@pytest.mark.parametrize(
    ("time_format", "text", "seconds"),
    [
        ("%Y-%m-%d", "2024-04-31", None),
        ("%Y-%m-%d", "2023-02-29", None),
        ("%Y-%m-%d", "2024-13-01", None),
        ("%Y-%m-%d", " 1970-1-2 ", 86_400),
        ("%Y-%m-%d", "1970-01-02 and more", None),
        ("%Y-%m-%d %H", "1970-01-01 24", None),
        ("%Y-%m-%d %I %p", "1970-01-01 12 am", 0),
        ("%Y-%m-%d %I %p", "1970-01-01 12 PM", 43_200),
        ("%Y-%m-%d %I %p", "1970-01-01 13 PM", None),
        ("%Y-%m-%d %H %z", "1970-01-01 12 -0530", 63_000),
        ("%Y-%m-%d %H %z", "1970-01-01 12 +02:00", 36_000),
        ("%Y-%m-%d %H %z", "1970-01-01 12 Z", 43_200),
        ("%Y-%m-%d %H %Z", "1970-01-01 12 GMT", 43_200),
        ("%Y-%m-%d %H %Z", "1970-01-01 12 EST", None),
        ("%Y-%m-%d %H:%M:%S.%f", "1970-01-01 00:00:05.999", 5),
    ],
)
def test_a_time_is_right_or_none(time_format: str, text: str, seconds: int | None) -> None:
    found, malformed = seconds_of(pa.array([text, None]), time_format, "at")
    assert malformed.tolist() == [seconds is None, False]
    assert np.isnan(found[0]) if seconds is None else found[0] == seconds


@pytest.mark.parametrize(
    ("time_format", "message"),
    [
        ("%Y-%m-%d %Q", "%Q is not known. Known: "),
        ("%H:%M", "a time needs a year, a month and a day"),
        ("%Y-%m-%d %I", "goes with %p"),
        ("%Y-%m-%d %Y", "is there twice"),
    ],
)
def test_a_format_that_can_not_be_read_is_refused_with_the_spec(
    time_format: str, message: str
) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        small_spec(events={"format": "csv", "path": "x", "timestamp_format": time_format})


def profile(first: int, days: int, unit: str, declared: str) -> TimeProfile:
    """Of an event an hour, written in one unit and read by another."""
    times = np.arange(first, first + days * 86_400, 3600)
    return TimeProfile.of(times * UNITS_PER_SECOND[unit] // UNITS_PER_SECOND[declared])


@pytest.mark.parametrize(("unit", "declared"), [("s", "ms"), ("ms", "us"), ("s", "us")])
def test_a_wrong_unit_is_named(unit: str, declared: str) -> None:
    (warning,) = time_warnings(profile(1_700_000_000, 30, unit, declared), declared)
    assert f"With timestamp_unit: {unit} they would be after 2000" in warning


def test_mixed_units_and_many_events_in_a_day() -> None:
    right, wrong = (profile(1_700_000_000, 30, unit, "ms") for unit in ("ms", "s"))
    (warning,) = time_warnings(TimeProfile.merge([right, wrong]), "ms")
    assert (
        warning.startswith("720 of 1,440 times are before 1980")
        and "in the unit s: does the log mix" in warning
    )
    hour = TimeProfile.of(np.full(100_000, 1_700_000_000))
    assert "100,000 events in less than a day" in time_warnings(hour, "s")[0]


@pytest.mark.parametrize("late", [1, 3])
def test_times_after_now_are_counted(late: int) -> None:
    now = 1_700_000_000
    times = np.append(np.arange(now - 30 * 86_400, now, 3600), now + 7 * 86_400 + np.arange(late))
    (warning,) = time_warnings(TimeProfile.of(times), "s", now)
    assert warning.startswith(
        f"{late} of {720 + late} times are after now, 2023-11-14T22:13:20+00:00: from the hour of "
        f"2023-11-21T22:00:00+00:00 on, the last 2023-11-21T22:13:2{late - 1}+00:00."
    )
    assert time_warnings(TimeProfile.of(times[:-late]), "s", now) == []
    assert time_warnings(TimeProfile.of(np.append(times[:-late], now + 60)), "s", now) == []


def test_few_events_after_a_long_gap_are_warned_of() -> None:
    days = 1_600_000_000 + np.arange(60) * 86_400
    opened = (days[:, None] + np.arange(10) * 3600).ravel()  # ten hours a day: gaps of 15 hours
    apart = days[-1] + 9 * 86_400
    (warning,) = time_warnings(TimeProfile.of(np.append(opened, [apart, apart + 86_400])), "s")
    assert warning.startswith(
        "the newest 2 of 602 events stand apart: the hour before theirs is that of "
        "2020-11-11T21:00:00+00:00, theirs begin with 2020-11-20T12:00:00+00:00, 207h later, where "
        "no other gap is longer than 15h."
    )
    # A weekend is no such gap, nor is one before much of the log.
    weekend = opened[(opened // 86_400 + 4) % 7 < 5]
    assert time_warnings(TimeProfile.of(weekend), "s") == []
    assert time_warnings(TimeProfile.of(np.append(opened, opened[:100] + 90 * 86_400)), "s") == []


def test_plausible_times_are_not_warned_of() -> None:
    assert (
        time_warnings(profile(880_000_000, 200, "s", "s"), "s") == []
    )  # MovieLens-100K is of 1997
    assert time_warnings(TimeProfile.of(np.full(1000, 1_700_000_000)), "s") == []
    assert time_warnings(TimeProfile.empty(), "s") == []
    assert "With" not in time_warnings(TimeProfile.of(np.array([5])), "iso")[0]
