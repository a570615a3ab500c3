"""Cut-offs and splits with hand-computed numbers."""

import datetime
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.errors import DataError
from preprocessing.spec_records import FractionSplit, TimeSplit
from preprocessing.splits import CutOffs, TimeProfile, cut_offs, label_deadline, split_of

HOUR = 3600


def hours(*counts: int) -> TimeProfile:
    """A profile with counts[h] events in hour h."""
    return TimeProfile.of(np.repeat(np.arange(len(counts)) * HOUR + 17, counts))


def test_fractions_fall_on_the_nearest_full_hour() -> None:
    # Events before hours 1, 2, 3, 4: 30, 78, 88, 95 of 100.
    assert cut_offs(hours(30, 48, 10, 7, 5), FractionSplit(validation=0.1, test=0.1))[:2] == (
        2 * HOUR,
        3 * HOUR,
    )


def test_each_split_gets_an_hour_even_when_the_fractions_would_give_none() -> None:
    assert cut_offs(hours(1, 1, 998), FractionSplit(validation=0.1, test=0.1))[:2] == (
        1 * HOUR,
        2 * HOUR,
    )
    assert cut_offs(hours(998, 1, 1), FractionSplit(validation=0.1, test=0.1))[:2] == (
        1 * HOUR,
        2 * HOUR,
    )


def test_too_few_hours() -> None:
    with pytest.raises(DataError, match="no event comes before the cut-off.*2 different hour"):
        cut_offs(hours(5, 5), FractionSplit())


def test_empty_log() -> None:
    with pytest.raises(DataError, match="no usable event"):
        cut_offs(TimeProfile.empty(), FractionSplit())


def test_time_split_is_utc_and_needs_an_earlier_event() -> None:
    split = TimeSplit(
        validation_from=datetime.datetime(1970, 1, 1, 1),
        test_from=datetime.datetime.fromisoformat("1970-01-01T03:00+01:00"),
    )
    assert cut_offs(hours(1, 1, 1), split)[:2] == (HOUR, 2 * HOUR)
    with pytest.raises(
        DataError, match="no event comes before split.validation_from, 1970-01-01T01:00:00"
    ):
        cut_offs(hours(0, 1, 1), split)


def test_split_of() -> None:
    assert split_of(np.array([0, 9, 10, 19, 20, 99]), CutOffs(10, 20)).tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]


def test_a_few_events_after_now_do_not_move_the_end_of_the_log() -> None:
    """One event with a wrong clock, a week ahead, among 1,000."""
    times = np.repeat(np.arange(10) * HOUR + 17, 100)
    late = np.append(times, 10 * HOUR + 7 * 24 * HOUR)
    split = FractionSplit(validation=0.2, test=0.2)
    for log in (times, late):
        for now in (9 * HOUR + 60, 10 * HOUR, 99 * HOUR):  # it doesn't matter when the job runs
            assert cut_offs(TimeProfile.of(log), split, now=now).end == 9 * HOUR + 18
    # Years later the week is over, and of a made-up log, all in the future, all counts.
    assert cut_offs(TimeProfile.of(late), split, now=9999 * HOUR).end == 178 * HOUR + 1
    assert cut_offs(TimeProfile.of(late + 99 * HOUR), split, now=0).end == 277 * HOUR + 1


def test_an_event_later_in_the_hour_that_now_is_in_does_not_move_the_end_beyond_now() -> None:
    times = np.append(np.repeat(np.arange(10) * HOUR, 100), 9 * HOUR + 1800)
    split = FractionSplit(validation=0.2, test=0.2)
    assert cut_offs(TimeProfile.of(times), split, now=9 * HOUR + 60).end == 9 * HOUR + 61
    assert cut_offs(TimeProfile.of(times), split, now=10 * HOUR).end == 9 * HOUR + 1801


def test_labels_must_be_known_when_their_split_ends() -> None:
    cutoffs = CutOffs(validation=20, test=30, start=10, until=40, end=50)
    splits = split_of(np.array([9, 10, 20, 30, 40]), cutoffs)
    assert splits.tolist() == [-1, 0, 1, 2, 3]
    assert label_deadline(splits, cutoffs).tolist() == [10, 20, 30, 50, 50]


@given(st.lists(st.lists(st.integers(0, 10**6)), max_size=5))
def test_profiles_merge_to_the_profile_of_all(parts: list[list[int]]) -> None:
    merged = TimeProfile.merge([TimeProfile.of(np.array(part, np.int64)) for part in parts])
    whole = TimeProfile.of(np.array(list(itertools.chain(*parts)), np.int64))
    assert merged.hours.tolist() == whole.hours.tolist()
    assert merged.counts.tolist() == whole.counts.tolist()
    assert merged.lasts.tolist() == whole.lasts.tolist()
    assert (merged.first, merged.last) == (whole.first, whole.last)


def test_a_profile_has_each_hours_latest_event() -> None:
    profile = TimeProfile.of(np.array([HOUR + 5, 3, HOUR + 9, 2, 7 * HOUR]))
    assert profile.hours.tolist() == [0, 1, 7]
    assert profile.counts.tolist() == [2, 2, 1]
    assert profile.lasts.tolist() == [3, HOUR + 9, 7 * HOUR]
    assert (profile.first, profile.last) == (2, 7 * HOUR)
