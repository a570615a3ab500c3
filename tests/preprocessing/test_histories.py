"""Index arithmetic with hand-computed numbers."""

import itertools

import numpy as np

from preprocessing.histories import (
    AT_CUT_OFF,
    FIRST,
    TOO_LONG,
    Ranges,
    cut,
    histories,
    keep,
    repeat_ranges,
    requests,
    run_starts,
    windows,
)

USER = np.array([0, 0, 0, 0, 1, 1])
TIME = np.array([1, 2, 2, 5, 2, 3])


def as_lists(ranges: Ranges) -> list[list[int]]:
    offsets, events = ranges.flat()
    return [events[start:stop].tolist() for start, stop in itertools.pairwise(offsets)]


def test_repeat_ranges() -> None:
    assert repeat_ranges(np.array([3, 0, 7]), np.array([5, 0, 8])).tolist() == [3, 4, 7]
    assert repeat_ranges(np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_run_starts() -> None:
    assert run_starts(USER, TIME).tolist() == [0, 1, 1, 3, 4, 5]


def test_history_is_strictly_before() -> None:
    found = histories(USER, TIME, np.ones(6, bool), 10)
    assert as_lists(found) == [[], [0], [0], [0, 1, 2], [], [4]]


def test_history_keeps_the_latest_eligible() -> None:
    eligible = np.array([True, False, True, True, True, True])
    assert as_lists(histories(USER, TIME, eligible, 1)) == [[], [0], [0], [2], [], [4]]


def test_requests_by_time() -> None:
    assert as_lists(requests(USER, TIME, None)[0]) == [[0], [1, 2], [3], [4], [5]]


def test_requests_by_id_span_times_and_stay_within_a_user() -> None:
    request = np.array([7, -1, 3, 7, 7, -1])
    assert as_lists(requests(USER, TIME, request)[0]) == [[0, 3], [1], [2], [4], [5]]


def test_requests_are_cut_where_time_is_and_where_they_last_too_long() -> None:
    user = np.array([0] * 7 + [1] * 2)
    request = np.array([5] * 7 + [5, -1])
    time = np.array([0, 3, 4, 8, 9, 10, 30, 2, 90])
    split = np.array([0, 0, 0, 0, 0, 1, 1, 0, 2])
    found, why = requests(user, time, request, split, span=4)
    assert as_lists(found) == [[0, 1, 2], [3, 4], [5], [6], [7], [8]]
    assert why.tolist() == [FIRST, TOO_LONG, AT_CUT_OFF, TOO_LONG, FIRST, FIRST]


def test_keep_and_cut() -> None:
    ranges = keep(requests(USER, TIME, None)[0], np.array([True, True, True, False, True, True]))
    assert as_lists(ranges) == [[0], [1, 2], [], [4], [5]]
    row, pieces = cut(ranges, 1)
    assert row.tolist() == [0, 1, 1, 3, 4]
    assert as_lists(pieces) == [[0], [1], [2], [4], [5]]


def test_windows_count_back_and_have_two_events_or_more() -> None:
    user = np.array([0] * 5 + [1] * 4 + [2])
    found, start = windows(user, np.ones(10, bool), 2)
    assert as_lists(found) == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert start.tolist() == [1, 3, 0, 2]


def test_windows_without_events() -> None:
    found, start = windows(USER, np.zeros(6, bool), 2)
    assert as_lists(found) == [] and start.tolist() == []
