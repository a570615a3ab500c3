"""Counts by key and step of time, of which any run of steps is the difference of two sums."""

from __future__ import annotations

import functools

import numpy as np

from preprocessing.histories import is_run_start
from preprocessing.tables import keyed_times


class StepCounts:
    """How often things happened to each key in each step, in any order and any number of pieces.

    Args:
        keys: int64 [rows], below 2 ** 29.
        steps: int64 [rows], not negative.
        amounts: int64 [rows, columns].
    """

    def __init__(self, keys: np.ndarray, steps: np.ndarray, amounts: np.ndarray) -> None:
        order = np.lexsort((steps, keys))
        nothing = np.zeros((1, amounts.shape[1]), np.int64)
        self._rows = keyed_times(keys[order], steps[order])
        # Where the rows of each key begin; for keys that have none, too, up to the one after all.
        known = int(keys.max(initial=-1)) + 1
        self._begins = np.searchsorted(keys[order], np.arange(known + 1))
        self._sums = np.concatenate([nothing, np.cumsum(amounts[order], axis=0)])
        self._steps = steps[order]

    def before(
        self,
        keys: np.ndarray,
        stops: np.ndarray,
        lengths: list[int | None],
        recency: bool = False,
    ) -> np.ndarray:
        """What was counted before some steps.

        Args:
            keys: int64 [Q]; one that nothing happened to has zeros.
            stops: int64 [Q], the first steps that don't count.
            lengths: For each window, how many steps it has; None is all that there are.
            recency: Whether there is one more column: how many steps ago the first column last
                counted something in the window, 0 where it didn't.

        Returns:
            int64 [Q, windows, columns].
        """
        high = np.searchsorted(self._rows, keyed_times(keys, stops))
        found = []
        for length in lengths:
            if length is None:
                low = self._begins[np.minimum(keys, len(self._begins) - 1)]
            else:
                first = np.maximum(stops - length, 0)
                low = np.searchsorted(self._rows, keyed_times(keys, first))
            counts = self._sums[high] - self._sums[low]
            if recency:
                counts = np.column_stack([counts, self._steps_ago(low, high, stops)])
            found.append(counts)
        return np.stack(found, axis=1)

    @functools.cached_property
    def _last_event(self) -> np.ndarray:
        """Of each row, the last one up to it in which the first column counted something."""
        counted = np.diff(self._sums[:, 0])
        has_event = np.where(counted > 0, np.arange(len(counted)), -1)
        return np.maximum.accumulate(has_event)

    def _steps_ago(self, low: np.ndarray, high: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """How long before `stops` the last event of the rows from `low` to `high` was: int64 [Q].

        0 where none of these rows has an event.
        """
        if not len(self._steps):
            return np.zeros_like(stops)
        last = self._last_event[np.maximum(high - 1, 0)]
        return np.where((last >= low) & (high > low), stops - self._steps[last], 0)


def summed(
    keys: np.ndarray, steps: np.ndarray, amounts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row for each key and step, ascending, with their sums."""
    order = np.lexsort((steps, keys))
    if not len(order):
        return keys, steps, amounts  # reduceat can't add up the runs of an empty array
    starts = np.flatnonzero(is_run_start(keys[order], steps[order]))
    first = order[starts]
    return keys[first], steps[first], np.add.reduceat(amounts[order], starts, axis=0)
