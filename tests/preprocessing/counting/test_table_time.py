"""Which time a statistics table is of, and when there is nothing to say about it."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from preprocessing.counting.table_time import table_cut_offs
from preprocessing.errors import DataError
from preprocessing.splits import TimeProfile
from tests.testing import HOUR, small_spec

DAY = 24 * HOUR
LAST = 1_600_000_000
PROFILE = TimeProfile.of(np.arange(LAST - 30 * DAY, LAST + 1, 1000))


def end_of(windows: list[str], as_of: int | None, profile: TimeProfile = PROFILE) -> int:
    """The time of a table whose items are counted in these windows."""
    spec = small_spec(features={"statistics": {"item_id": {"windows": windows, "step": "1h"}}})
    return table_cut_offs(profile, spec, as_of).end


@pytest.mark.parametrize("as_of", [LAST + 1, LAST + HOUR, LAST + DAY])
def test_a_table_is_of_the_time_that_is_asked_for(as_of: int) -> None:
    assert end_of(["1d", "7d", "all"], as_of) == as_of
    assert end_of(["1d", "all"], None) == LAST + 1


def test_windows_without_events_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert end_of(["1h", "1d", "28d"], LAST + 2 * DAY) == LAST + 2 * DAY
    (message,) = caplog.messages
    assert "2020-09-15T12:26:40+00:00, is of 2020-09-13T12:26:40+00:00" in message
    assert "windows of 1h, 1d have none and count 0" in message
    assert caplog.records[0].levelno == logging.WARNING


def test_windows_that_are_all_empty_are_refused_after_a_week() -> None:
    assert end_of(["1h", "1d"], LAST + 6 * DAY) == LAST + 6 * DAY
    with pytest.raises(DataError, match="windows of 1h, 1d .*--as-of last"):
        end_of(["1h", "1d"], LAST + 8 * DAY)
    with pytest.raises(DataError, match="windows of 28d .*Is the newest log there?"):
        end_of(["28d"], LAST + 29 * DAY)
    assert end_of(["all"], LAST + 900 * DAY) == LAST + 900 * DAY


def test_a_log_without_events_is_refused() -> None:
    with pytest.raises(DataError, match="no usable event to count"):
        end_of(["1d"], None, TimeProfile.empty())
