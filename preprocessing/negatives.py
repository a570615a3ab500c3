"""Sampled negatives: drawn by a hash of the request, so that every runner and every parallelism draws the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.catalog import COUNT
from preprocessing.entities import EntityTable, as_array
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import KEY
from preprocessing.spec_records import Negatives
from preprocessing.tables import mix, stable_hash

_SALT = 2  # other than those of shards and held-out users
_MOST_ROUNDS = 50


class ItemPool:
    """The items that negatives are drawn from.

    Args:
        seen: The items that were candidates before the training cut-off, as from `catalog.seen_items`.
        power: An item's chance is its count to this power.

    Attributes:
        ids: The P ids, sorted.
    """

    def __init__(self, seen: pa.Table, power: float) -> None:
        ordered = seen.sort_by(KEY)
        self.ids = as_array(ordered.column(KEY))
        weights = ordered.column(COUNT).to_numpy().astype(np.float64) ** power
        self._bounds = np.cumsum(weights)
        self._index = EntityTable(self.ids, np.arange(len(self.ids)), None, {})

    def __len__(self) -> int:
        return len(self.ids)

    def places(self, ids: pa.Array) -> np.ndarray:
        """The place of each id in the pool, P for one that isn't there: int64."""
        return self._index.keys_of(ids)

    def draw(self, hashes: np.ndarray, attempt: int) -> np.ndarray:
        """An item for each hash; another attempt draws another: int64, places in the pool."""
        uniform = (mix(hashes, _SALT + 1 + attempt) >> np.uint64(11)) * 2.0**-53
        drawn = np.searchsorted(self._bounds, uniform * self._bounds[-1], side="right")
        return np.minimum(drawn, len(self) - 1)


@dataclasses.dataclass(frozen=True)
class MetItems:
    """From when on an item is one of a user's own.

    Attributes:
        pairs: int64, user x (P + 1) + place in the pool, sorted, each once.
        since: int64, seconds.
    """

    pairs: np.ndarray
    since: np.ndarray
    items: int

    @classmethod
    def of(cls, user: np.ndarray, item: np.ndarray, time: np.ndarray, items: int) -> MetItems:
        """From candidates' users, places in a pool of `items`, and times."""
        pairs = user * (items + 1) + item
        order = np.lexsort((time, pairs))
        first = order[is_run_start(pairs[order])]
        return cls(pairs[first], time[first], items)

    def met(self, user: np.ndarray, item: np.ndarray, by: np.ndarray) -> np.ndarray:
        """Whether the users have met the items by those times: bool."""
        pairs = user * (self.items + 1) + item
        found = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        return (self.pairs[found] == pairs) & (self.since[found] <= by)


def request_hashes(users: pa.Array, request_ids: pa.Array) -> np.ndarray:
    """A hash of each request: uint64 [R]."""
    return stable_hash(pc.binary_join_element_wise(users, request_ids, "\n"), _SALT)


def sample(
    negatives: Negatives, pool: ItemPool, hashes: np.ndarray, met: MetItems, user: np.ndarray, by: np.ndarray
) -> np.ndarray:
    """Draws the negatives of R requests: each request's first draws that are new to it and that its user hasn't met.

    Args:
        negatives: How many.
        pool: Where from.
        hashes: uint64 [R], see `request_hashes`.
        met: What is not to be drawn.
        user: int64 [R], the requests' users.
        by: int64 [R], seconds: items met later are not excluded.

    Returns:
        int64 [R, K], places in the pool, -1 where no more were found: the user has met (nearly) all items.
    """
    chosen = np.full((len(hashes), negatives.per_request), -1)
    size = np.zeros(len(hashes), np.int64)
    if not len(pool):
        return chosen
    for attempt in range(_MOST_ROUNDS * negatives.per_request):
        open_rows = np.flatnonzero(size < negatives.per_request)
        if not len(open_rows):
            break
        drawn = pool.draw(hashes[open_rows], attempt)
        fresh = ~met.met(user[open_rows], drawn, by[open_rows])
        fresh &= ~(chosen[open_rows] == drawn[:, None]).any(axis=1)
        rows = open_rows[fresh]
        chosen[rows, size[rows]] = drawn[fresh]
        size[rows] += 1
    return chosen
