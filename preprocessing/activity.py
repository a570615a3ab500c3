"""Which items were active when, for drawing negatives.

The table counts the candidates of each item in each step of time. Steps keep it small: a window
has about 64 of them and a log about 2,048, so an item has at most about 2,048 rows. Where a log is
so much longer than the window that this would leave fewer, be it for one event with a wrong clock,
a window has 8, and an item a row for each of those that it was active in. A draw looks at complete
steps only, so everything that it sees is strictly before the time of the request.
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

COUNT = "count"
STEP = "step"
# Shards, held-out users and requests have salts below it; draw number n has the salt _SALT + n.
_SALT = 3
_STEPS_A_WINDOW = 64
_STEPS_A_LOG = 2048
_LEAST_STEPS_A_WINDOW = 8
_ROUNDING = 1e-9  # so that what is accepted for certain isn't refused for a rounding error


def step_of(window: int, cutoffs: CutOffs) -> int:
    """The length of a step, seconds."""
    lasts = window if cutoffs.end == NEVER else cutoffs.end - cutoffs.begin
    step = max(min(window, lasts) // _STEPS_A_WINDOW, lasts // _STEPS_A_LOG)
    longest = window // _LEAST_STEPS_A_WINDOW
    return max(1, min(step, longest))


def active_items(events: SortedEvents, candidates: Candidates, step: int) -> pa.Table:
    """Counts the candidates of each item in each step: columns `key`, `step` and `count`."""
    rows = np.flatnonzero(events.are_candidates(candidates))
    items = events.strings[ITEM].take(rows)
    columns = {KEY: items.strings(), STEP: pa.array(events.time[rows] // step)}
    return merge_active(pa.table(columns | {COUNT: pa.array(np.ones(len(rows), np.int64))}))


def merge_active(table: pa.Table) -> pa.Table:
    """Adds up the counts of each item and step."""
    keys = encode_strings(table.column(KEY))
    steps = table.column(STEP).to_numpy()
    order = np.lexsort((steps, keys.codes))
    starts = np.flatnonzero(is_run_start(keys.codes[order], steps[order]))
    counts = table.column(COUNT).to_numpy()[order]
    # reduceat can't add up the runs of an empty array.
    summed = np.add.reduceat(counts, starts) if len(order) else counts
    first = order[starts]
    return pa.table(
        {KEY: keys.take(first).strings(), STEP: pa.array(steps[first]), COUNT: pa.array(summed)}
    )


@dataclasses.dataclass(frozen=True)
class _Rows:
    """The A rows of (item, step, count), once sorted by step and once by item.

    Attributes:
        items: int64 [A], places in the pool, in the order of steps.
        steps: int64 [A], ascending.
        keyed: int64 [A], (item, step) as one number, ascending.
        counts: float64 [A + 1], cumulative sums of the counts, in the order of `keyed`.
        weights: float64 [A + 1], the same of the counts to the spec's power.
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
        self._window = negatives.window
        self._power = negatives.popularity_power
        self._step = step
        keys = encode_strings(active.column(KEY))
        self.ids = keys.values
        self._index = EntityTable(self.ids, np.arange(len(self.ids)), None, {})
        steps = active.column(STEP).to_numpy()
        counts = active.column(COUNT).to_numpy().astype(np.float64)
        powers = counts**self._power
        by_item = np.lexsort((steps, keys.codes))
        by_step = np.lexsort((keys.codes, steps))
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
        """The complete steps in the window before each time: the first, and one past the last."""
        # Rounded up: a step that the window cuts in two is left out.
        first = -(-(times - self._window) // self._step)
        return first, times // self._step

    def has_any(self, times: np.ndarray) -> np.ndarray:
        """Whether any item was active in the window before each time: bool."""
        first, stop = self.steps_before(times)
        return np.searchsorted(self._rows.steps, first) < np.searchsorted(self._rows.steps, stop)

    def draw(self, hashes: np.ndarray, attempt: int, times: np.ndarray) -> np.ndarray:
        """Draws an item for each hash, of those that were active in the window before its time.

        An item's chance is its count in the window to the spec's power. First a row (item, step)
        is drawn by its own count to that power. That favours or disfavours items with several rows
        in the window, so the drawn item is then accepted with the chance that makes up for it.

        Args:
            hashes: uint64.
            attempt: Which attempt it is; each draws anew.
            times: int64, seconds; `has_any` holds for them.

        Returns:
            int64, places in the pool; -1 where the drawn item was not accepted.
        """
        first, stop = self.steps_before(times)
        low = self._chances[np.searchsorted(self._rows.steps, first)]
        high = self._chances[np.searchsorted(self._rows.steps, stop)]
        # A row's share of the cumulative chances between the two is its chance to be hit.
        point = low + _uniform(hashes, 2 * attempt) * (high - low)
        row = np.searchsorted(self._chances, point, side="right") - 1
        items = self._rows.items[np.minimum(row, len(self._rows.items) - 1)]
        if self._power == 1:
            return items  # the chance of a row is its count: nothing to make up for
        start = np.searchsorted(self._rows.keyed, keyed_times(items, np.maximum(first, 0)))
        end = np.searchsorted(self._rows.keyed, keyed_times(items, stop))
        count = self._rows.counts[end] - self._rows.counts[start]
        weight = self._rows.weights[end] - self._rows.weights[start]
        # The largest value that count**power / weight can have: all counts in equal steps.
        most = (self._window // self._step) ** max(self._power - 1, 0)
        acceptance = count**self._power / weight / most
        is_accepted = _uniform(hashes, 2 * attempt + 1) <= acceptance + _ROUNDING
        return np.where(is_accepted, items, -1)


def _sums(values: np.ndarray) -> np.ndarray:
    """Cumulative sums, of the first 0, 1, 2, ... values."""
    return np.concatenate([[0.0], np.cumsum(values)])


def _uniform(hashes: np.ndarray, number: int) -> np.ndarray:
    """A number in [0, 1) for each hash."""
    # A float64 holds 53 of the 64 bits exactly.
    return (mix(hashes, _SALT + number) >> np.uint64(11)) * 2.0**-53
