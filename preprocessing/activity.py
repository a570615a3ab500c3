"""Which items were active when: the candidates of each item by step of time, and draws from a window of steps.

Steps are what keeps this small: a window has 64 of them or somewhat more, and a log 2,048 or
somewhat more, so a table has at most so many rows an item. A draw counts complete steps only, so
all that it sees is strictly before its time.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import ITEM, KEY
from preprocessing.spec_records import Candidates, Negatives
from preprocessing.splits import NEVER, CutOffs
from preprocessing.tables import encode_strings, keyed_times, mix

COUNT, STEP = "count", "step"
_SALT = 3  # other than those of shards, held-out users and requests; draws take it and all after it
_STEPS_A_WINDOW = 64
_STEPS_A_LOG = 2048
_ROUNDING = 1e-9


def step_of(window: int, cutoffs: CutOffs) -> int:
    """The length of a step, seconds."""
    lasts = window if cutoffs.end == NEVER else cutoffs.end - cutoffs.begin
    return max(1, min(window, lasts) // _STEPS_A_WINDOW, lasts // _STEPS_A_LOG)


def active_items(events: SortedEvents, candidates: Candidates, step: int) -> pa.Table:
    """The candidates of each item in each step: `key`, `step`, `count`."""
    rows = np.flatnonzero(events.are_candidates(candidates))
    items = events.strings[ITEM].take(rows)
    columns = {KEY: items.strings(), STEP: pa.array(events.time[rows] // step)}
    return merge_active(pa.table(columns | {COUNT: pa.array(np.ones(len(rows), np.int64))}))


def merge_active(table: pa.Table) -> pa.Table:
    """Adds up the counts of an item and step."""
    keys, steps = encode_strings(table.column(KEY)), table.column(STEP).to_numpy()
    order = np.lexsort((steps, keys.codes))
    starts = np.flatnonzero(is_run_start(keys.codes[order], steps[order])) if len(order) else order
    counts = table.column(COUNT).to_numpy()[order]
    summed = np.add.reduceat(counts, starts) if len(order) else counts
    first = order[starts]
    return pa.table(
        {KEY: keys.take(first).strings(), STEP: pa.array(steps[first]), COUNT: pa.array(summed)}
    )


@dataclasses.dataclass(frozen=True)
class _Rows:
    """An item's candidates in a step, sorted by step and by item.

    Attributes:
        items: int64 [A], places in the pool, by step.
        steps: int64 [A], ascending.
        keyed: int64 [A], (item, step) as one number, ascending.
        counts, weights: float64 [A + 1], sums of candidates, and of their powers, of the first rows
            of `keyed`.
    """

    items: np.ndarray
    steps: np.ndarray
    keyed: np.ndarray
    counts: np.ndarray
    weights: np.ndarray


class ItemPool:
    """The items that negatives are drawn from.

    Args:
        active: As from `active_items`, of all shards.
        negatives: The window, and the power of an item's count that is its chance.
        step: The length of a step, seconds.

    Attributes:
        ids: The P ids, sorted.
    """

    def __init__(self, active: pa.Table, negatives: Negatives, step: int) -> None:
        self._window, self._power, self._step = negatives.window, negatives.popularity_power, step
        keys = encode_strings(active.column(KEY))
        self.ids = keys.values
        self._index = EntityTable(self.ids, np.arange(len(self.ids)), None, {})
        steps, counts = (
            active.column(STEP).to_numpy(),
            active.column(COUNT).to_numpy().astype(np.float64),
        )
        by_item, by_step = np.lexsort((steps, keys.codes)), np.lexsort((keys.codes, steps))
        powers = counts**self._power
        self._rows = _Rows(
            items=keys.codes[by_step],
            steps=steps[by_step],
            keyed=keyed_times(keys.codes[by_item], steps[by_item]),
            counts=_sums(counts[by_item]),
            weights=_sums(powers[by_item]),
        )
        self._chances = _sums(powers[by_step])

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: pa.Array) -> np.ndarray:
        """The place of each id in the pool, P for one that isn't there: int64."""
        return self._index.keys_of(ids)

    def steps_before(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The complete steps in the window before each time, as [first, stop)."""
        return -(-(times - self._window) // self._step), times // self._step

    def has_any(self, times: np.ndarray) -> np.ndarray:
        """Whether any item was active in the window before each time: bool."""
        first, stop = self.steps_before(times)
        return np.searchsorted(self._rows.steps, first) < np.searchsorted(self._rows.steps, stop)

    def draw(self, hashes: np.ndarray, attempt: int, times: np.ndarray) -> np.ndarray:
        """An item for each hash, of those active in the window before its time; -1 if the attempt comes to nothing.

        A row (item, step) is drawn by its count's power. An item that has several rows in the
        window is drawn too often so, and is taken with the chance that mends it: items come by
        their count in the window to the power.

        Args:
            hashes: uint64.
            attempt: Another attempt draws another.
            times: int64, seconds; `has_any` holds for them.
        """
        first, stop = self.steps_before(times)
        low = self._chances[np.searchsorted(self._rows.steps, first)]
        high = self._chances[np.searchsorted(self._rows.steps, stop)]
        point = low + _uniform(hashes, 2 * attempt) * (high - low)
        row = np.searchsorted(self._chances, point, side="right") - 1
        items = self._rows.items[np.minimum(row, len(self._rows.items) - 1)]
        if self._power == 1:
            return items
        start = np.searchsorted(self._rows.keyed, keyed_times(items, np.maximum(first, 0)))
        end = np.searchsorted(self._rows.keyed, keyed_times(items, stop))
        count = self._rows.counts[end] - self._rows.counts[start]
        weight = self._rows.weights[end] - self._rows.weights[start]
        most = (self._window // self._step) ** max(
            self._power - 1, 0
        )  # what count**power is of weight at most
        taken = count**self._power / weight / most
        return np.where(_uniform(hashes, 2 * attempt + 1) <= taken + _ROUNDING, items, -1)


def _sums(values: np.ndarray) -> np.ndarray:
    """The sums of the first 0, 1, 2, ... values."""
    return np.concatenate([[0.0], np.cumsum(values)])


def _uniform(hashes: np.ndarray, number: int) -> np.ndarray:
    """A number in [0, 1) for each hash."""
    return (mix(hashes, _SALT + number) >> np.uint64(11)) * 2.0**-53
