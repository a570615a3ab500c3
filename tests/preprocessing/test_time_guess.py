"""Times are found by their name however they are written, where one way of reading them is sure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from preprocessing.inspection.time_guess import TimeGuess, are_clocks, guess_time

FIRST = datetime(2024, 5, 1, 0, 3, 11, tzinfo=timezone.utc)
TIMES = [FIRST + timedelta(hours=5, minutes=1, seconds=7) * n for n in range(100)]


def guess(texts: list[str], name: str = "time") -> TimeGuess:
    found = guess_time(name, pa.array(texts, pa.string()))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "time_format",
    [
        "%Y-%m-%d %H:%M:%S %Z",
        "%Y-%m-%d %H:%M:%S.%f %Z",
        "%Y/%m/%d %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %I:%M:%S %p",
        "%d.%m.%Y %H:%M:%S",
        "%d %b %Y",
        "%Y%m%d",
        "%Y%m%d%H%M%S",
    ],
)
def test_a_format_is_told_from_the_values(time_format: str) -> None:
    texts = [time.strftime(time_format) for time in TIMES]
    found = guess(texts)
    again = [datetime.strptime(text, time_format).replace(tzinfo=timezone.utc) for text in texts]
    assert found.time_format == time_format and not found.doubt
    assert found.seconds.tolist() == [time.timestamp() // 1 for time in again]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
@pytest.mark.parametrize("odd", ["NULL", "0", "-1"])
def test_a_few_odd_values_are_named(unit: str, factor: int, odd: str) -> None:
    found = guess([str(int(time.timestamp()) * factor) for time in TIMES] + [odd, ""])
    assert found.time_format == unit
    assert np.isnan(found.seconds[-2:]).all() and found.seconds[0] == FIRST.timestamp()
    assert f"1 of 102 values of column 'time' are no likely time as '{unit}'" in found.doubt
    assert repr(odd) in found.doubt


def test_a_few_odd_values_among_iso_times_are_named() -> None:
    found = guess([time.isoformat() for time in TIMES] + ["\\N"])
    assert found.time_format == "iso" and r"'\\N'" in found.doubt


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            [f"{1 + n % 12:02}/{1 + n % 9:02}/2024" for n in range(50)],
            "can be read as '%d/%m/%Y' or '%m/%d/%Y'",
        ),
        ([str(1_714_521_789_000_000_000 + n) for n in range(50)], "perhaps nanoseconds"),
        ([f"day {n}" for n in range(50)], "'day 0' and 'day 1', are in no way"),
    ],
)
def test_what_is_not_sure_is_shown(texts: list[str], said: str) -> None:
    found = guess(texts)
    assert not found.time_format and said in found.doubt
    assert "Column 'time'" in found.doubt and "docs/data.md, Times" in found.doubt


def test_a_name_that_says_nothing_of_time_is_no_time() -> None:
    assert guess_time("price", pa.array(["1714521789"] * 9)) is None


def test_a_given_format_is_taken_where_it_fits_whatever_the_name() -> None:
    texts = [f"{1 + n % 12:02}/{1 + n % 9:02}/2024" for n in range(50)]
    values = pa.array([*texts, ""])
    for given, month in (("%d/%m/%Y", 4), ("%m/%d/%Y", 1)):
        found = guess_time("seen", values, given)
        assert found is not None and found.time_format == given and not found.doubt
        assert datetime.fromtimestamp(found.seconds[12], timezone.utc).month == month
    assert guess_time("seen", values, "%d.%m.%Y") is None
    of_name = guess_time("date", values, "%d.%m.%Y")
    assert of_name is not None and "--timestamp-format '%d/%m/%Y'" in of_name.doubt


@pytest.mark.parametrize(
    ("text", "is_clock"),
    [
        ("12:33", True),
        ("1:02:03.5", True),
        ("9:05 PM", True),
        ("2024-05-01", False),
        ("4:3", False),
    ],
)
def test_times_of_day_are_told(text: str, is_clock: bool) -> None:
    assert are_clocks(pa.array([text, ""])) == is_clock
