"""Which items are drawn from a window: exactly those active in it, by their counts to the power."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from preprocessing.activity import ItemPool, merge_active, step_of
from preprocessing.spec_records import Negatives
from preprocessing.splits import CutOffs

DAY = 86_400
NOW = 1_700_000_000
# (item, step, candidates); a step is a second here.
ROWS = [("a", 1, 3), ("a", 5, 1), ("b", 2, 4), ("b", 9, 8), ("c", 5, 9), ("c", 6, 16), ("d", 20, 5)]


def pool(power: float) -> ItemPool:
    items, steps, counts = zip(*ROWS, strict=True)
    table = pa.table({"key": list(items), "step": list(steps), "count": list(counts)})
    return ItemPool(table, Negatives(per_request=1, window=8, popularity_power=power), 1)


@pytest.mark.parametrize("power", [0, 0.5, 1, 1.5])
def test_items_come_by_their_count_in_the_window_to_the_power(power: float) -> None:
    """At 9 the window is 1 to 8: a has 4 candidates in it, b 4, c 25."""
    tries = 40_000
    hashes = np.arange(tries, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    found = pool(power)
    places = found.draw(hashes, 0, np.full(tries, 9))
    drawn = Counter(found.ids.take(pa.array(places[places >= 0])).to_pylist())
    weights = {"a": 4**power, "b": 4**power, "c": 25**power}
    total = sum(drawn.values())
    expected = {item: weight / sum(weights.values()) for item, weight in weights.items()}
    assert {item: drawn[item] / total for item in drawn} == pytest.approx(expected, abs=0.02)


def test_a_window_has_only_what_is_in_it() -> None:
    times = np.array([1, 2, 5, 9, 20, 21, 28, 29])
    assert pool(0).has_any(times).tolist() == [False, True, True, True, False, True, True, False]
    for time, active in {2: "a", 3: "ab", 10: "abc", 14: "bc", 21: "d"}.items():
        found = pool(0)
        drawn = found.draw(np.arange(2000, dtype=np.uint64), 1, np.full(2000, time))
        assert {found.ids[place].as_py() for place in drawn[drawn >= 0].tolist()} == set(active)


def test_parts_merge_to_the_whole() -> None:
    part = pa.table({"key": ["b", "a", "b"], "step": [1, 1, 1], "count": [2, 1, 3]})
    merged = merge_active(part).to_pylist()
    assert merged == [{"key": "a", "step": 1, "count": 1}, {"key": "b", "step": 1, "count": 5}]


def test_steps_are_a_small_part_of_a_window_and_bounded_in_number() -> None:
    day = 86_400
    month = CutOffs(20 * day, 25 * day, begin=0, end=30 * day)
    assert 7 * day / 65 < step_of(7 * day, month) <= 7 * day / 64
    assert step_of(7 * day, CutOffs(20, 25, begin=0, end=30)) == 1
    assert step_of(32 * 3600, CutOffs(0, 1, begin=0, end=2048 * 3600)) == 3600


@pytest.mark.parametrize("begin, end", [(0, NOW), (NOW - 30 * DAY, 10**10), (0, 10**10)])
@pytest.mark.parametrize("window", [1, 60, 3600, DAY, 7 * DAY])
def test_one_event_with_a_wrong_clock_leaves_windows_their_steps(
    window: int, begin: int, end: int
) -> None:
    """At 0, or far ahead: a window still has complete steps, so that there is what to draw from."""
    step = step_of(window, CutOffs(NOW - 2 * DAY, NOW - DAY, begin=begin, end=end))
    times = np.arange(NOW - 6 * DAY, NOW, 3601)
    shown = np.unique(np.arange(NOW - 20 * DAY, NOW, 1000) // step)
    active = pa.table({"key": ["a"] * len(shown), "step": shown, "count": np.ones(len(shown), int)})
    found = ItemPool(active, Negatives(per_request=1, window=window), step)
    first, stop = found.steps_before(times)
    assert (stop - first).min() >= min(7, window)
    assert window < 2000 or found.has_any(times).all()
