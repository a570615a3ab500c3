"""Draws the sampled negatives of requests.

A draw is a hash of the request, so that every runner and any number of workers draw the same ones.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.activity import ItemPool
from preprocessing.histories import is_run_start
from preprocessing.tables import stable_hash

_SALT = 2  # other than those of shards and held-out users
_MOST_ROUNDS = 50


@dataclasses.dataclass(frozen=True)
class MetItems:
    """Which items users have met as candidates, and since when.

    Attributes:
        pairs: int64, user * (P + 1) + place in the pool, sorted, each once.
        since: int64, seconds.
        items: The size of the pool, P.
    """

    pairs: np.ndarray
    since: np.ndarray
    items: int

    @classmethod
    def of(cls, user: np.ndarray, item: np.ndarray, time: np.ndarray, items: int) -> MetItems:
        """From the users of candidates, their places in a pool of `items`, and their times."""
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
    wanted: int,
    pool: ItemPool,
    hashes: np.ndarray,
    met: MetItems,
    *,
    user: np.ndarray,
    times: np.ndarray,
    by: np.ndarray,
) -> np.ndarray:
    """Draws the negatives of R requests.

    A request takes its first draws that it doesn't have yet and that its user hasn't met.

    Args:
        wanted: How many, K.
        pool: Where from: the items that were active in the window before the request.
        hashes: uint64 [R], see `request_hashes`.
        met: What is not to be drawn.
        user: int64 [R], the requests' users.
        times: int64 [R], seconds: when the requests were made.
        by: int64 [R], seconds: items met later are not excluded.

    Returns:
        int64 [R, K], places in the pool, -1 where no more were found: few items were active, or the
        user has met (nearly) all that were.
    """
    chosen = np.full((len(hashes), wanted), -1)
    size = np.where(pool.has_any(times), 0, wanted)
    for attempt in range(_MOST_ROUNDS * wanted):
        open_rows = np.flatnonzero(size < wanted)
        if not len(open_rows):
            break
        drawn = pool.draw(hashes[open_rows], attempt, times[open_rows])
        fresh = (drawn >= 0) & ~met.met(user[open_rows], drawn, by[open_rows])
        fresh &= ~(chosen[open_rows] == drawn[:, None]).any(axis=1)
        rows = open_rows[fresh]
        chosen[rows, size[rows]] = drawn[fresh]
        size[rows] += 1
    return chosen
