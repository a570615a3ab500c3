"""The few shapes that batches of requests are padded to: XLA compiles a step anew for each.

A bucket takes requests of up to so many candidates and behaviours. Which buckets there are follows
from the data: those that pad least, a dozen at the most. Every process plans from the same files,
and so has the same buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from trainer.ceil_div import ceil_div

MOST_BUCKETS = 12
CHUNK_BYTES = 64 * 2**20  # of serialised records, which are sorted into buckets at once
_MOST_EDGES = 24  # numbers of candidates that a bucket may end at, and as many lengths


class Sizes(NamedTuple):
    """How large the requests of some files are, in the order of the files.

    Attributes:
        candidates: How many candidates each has, int64 [requests].
        lengths: How many behaviours each has, int64 [requests].
        record_bytes: What a record takes, on average.
    """

    candidates: np.ndarray
    lengths: np.ndarray
    record_bytes: float


class Bucket(NamedTuple):
    """What batches of requests are padded to.

    Attributes:
        requests: How many there are in a batch: as many as have about `batch_size` candidates.
        candidates: The most that a request of this bucket has.
        history: The most behaviours that it has.
    """

    requests: int
    candidates: int
    history: int

    @property
    def cells(self) -> int:
        """How many candidates and behaviours there is room for."""
        return self.requests * (self.candidates + self.history)

    def fits_in(self, other: Bucket) -> bool:
        """Whether the other takes all requests that this one takes."""
        return self.candidates <= other.candidates and self.history <= other.history

    def share(self, workers: int) -> Bucket:
        """This bucket with one worker's part of the requests."""
        return self._replace(requests=max(self.requests // workers, 1))


class Plan(NamedTuple):
    """How requests become batches.

    Attributes:
        buckets: From the fewest candidates to the most, then from the shortest history on.
        chunk: How many records are sorted into buckets at once.
    """

    buckets: tuple[Bucket, ...]
    chunk: int

    def place(self, sizes: Sizes) -> np.ndarray:
        """The number of each request's bucket, which is the first that it fits in, or the last."""
        fits = []
        for bucket in self.buckets[:-1]:
            is_narrow = sizes.candidates <= bucket.candidates
            fits.append(is_narrow & (sizes.lengths <= bucket.history))
        fits.append(np.ones(len(sizes.candidates), bool))
        return np.argmax(np.stack(fits), 0)

    def batches(self, sizes: Sizes) -> np.ndarray:
        """How many batches of each bucket requests make, in this order."""
        places = self.place(sizes)
        found = np.zeros(len(self.buckets), np.int64)
        for start in range(0, len(places), self.chunk):
            chunk = places[start : start + self.chunk]
            requests = np.bincount(chunk, minlength=len(self.buckets)).tolist()
            found += [filled.batches for filled in fill(self.buckets, requests)]
        return found

    def padding(self, sizes: Sizes) -> float:
        """The share of empty cells, behaviours' and candidates' together, in all batches."""
        cells = self.batches(sizes) @ np.array([bucket.cells for bucket in self.buckets])
        return 1 - float(sizes.candidates.sum() + sizes.lengths.sum()) / max(int(cells), 1)


class Filled(NamedTuple):
    """What a bucket holds of a chunk.

    Attributes:
        requests: How many.
        batches: How many batches they make.
        gone: How many requests it left to the last bucket.
    """

    requests: Any
    batches: Any
    gone: Any


def fill(buckets: Sequence[Bucket], requests: Sequence[Any]) -> list[Filled]:
    """Fills buckets with the requests of a chunk.

    A bucket's last batch would be half empty on average. So what makes no whole batch goes to the
    next bucket where that is as large on both sides, and to the last one where it isn't.

    Args:
        buckets: In the order of a Plan.
        requests: How many fit best in each bucket: numbers, or scalar tensors.
    """
    filled = []
    left = 0  # by the bucket before
    gone = 0
    for number, bucket in enumerate(buckets[:-1]):
        here = requests[number] + left
        batches = here // bucket.requests
        left = here - batches * bucket.requests
        to_last = 0
        if not bucket.fits_in(buckets[number + 1]):
            to_last = left
            gone += left
            left = 0
        filled.append(Filled(batches * bucket.requests, batches, to_last))
    rest = requests[-1] + left + gone
    filled.append(Filled(rest, ceil_div(rest, buckets[-1].requests), 0))
    return filled


def plan_buckets(sizes: Sizes, batch_size: int, most: int = MOST_BUCKETS) -> Plan:
    """The buckets that pad least.

    Args:
        sizes: Of all requests that are going to be read.
        batch_size: Candidates per batch, about.
        most: How many buckets there may be.
    """
    widths = _edges(sizes.candidates)
    lengths = _edges(sizes.lengths)
    place = (np.searchsorted(widths, sizes.candidates), np.searchsorted(lengths, sizes.lengths))
    requests = np.zeros((len(widths), len(lengths)), np.int64)
    candidates = np.zeros_like(requests)
    np.add.at(requests, place, 1)
    np.add.at(candidates, place, sizes.candidates)
    # cheapest[stop][n]: the best n buckets for requests of up to widths[stop - 1] candidates.
    cheapest = [[_Choice(0.0, ())] * (most + 1)]
    for stop in range(1, len(widths) + 1):
        ways = []
        for start in range(stop):
            band = _Band(
                requests[start:stop].sum(0),
                candidates[start:stop].sum(0),
                int(widths[stop - 1]),
                batch_size,
            )
            ways.append(_cut_lengths(band, lengths, most))
        # The last band starts somewhere and has some buckets, the requests before have the others.
        row = [_Choice(np.inf, ())]
        for count in range(1, most + 1):
            options = []
            for start in range(stop):
                for own in range(1, count + 1):
                    options.append(cheapest[start][count - own].and_also(ways[start][own]))
            row.append(min(options, key=lambda option: option.cells))
        cheapest.append(row)
    return Plan(cheapest[-1][most].buckets, max(int(CHUNK_BYTES / sizes.record_bytes), 1))


class _Choice(NamedTuple):
    """Some buckets, and the cells of all batches that they make."""

    cells: float
    buckets: tuple[Bucket, ...]

    def and_also(self, other: _Choice) -> _Choice:
        return _Choice(self.cells + other.cells, self.buckets + other.buckets)


class _Band(NamedTuple):
    """Requests of up to `width` candidates: how many there are, and their candidates, by length."""

    requests: np.ndarray
    candidates: np.ndarray
    width: int
    batch_size: int


def _edges(values: np.ndarray) -> np.ndarray:
    """Values to cut at, ascending, with the largest among them.

    They are all that occur, or of many some: half of them with about as many requests between
    them, half of them with as many values.
    """
    distinct = np.unique(np.maximum(values, 1))
    if len(distinct) <= _MOST_EDGES:
        return distinct
    spread = np.linspace(0, 1, _MOST_EDGES // 2)
    of_requests = np.quantile(np.maximum(values, 1), spread, method="nearest")
    return np.unique(np.r_[of_requests, np.quantile(distinct, spread, method="nearest")])


def _cut_lengths(band: _Band, edges: np.ndarray, most: int) -> list[_Choice]:
    """The best buckets for a band, by how many there may be: entry n has up to n buckets."""
    used = band.requests > 0
    ends = edges[used]
    requests = np.r_[0, np.cumsum(band.requests[used])]
    candidates = np.r_[0, np.cumsum(band.candidates[used])]
    # Of a bucket between two ends, [start, stop]: the requests in it and their candidates, the
    # requests per batch, and the cells of all of its batches.
    inside = requests[None] - requests[:, None]
    of_them = candidates[None] - candidates[:, None]
    alike = np.round(band.batch_size * inside / np.maximum(of_them, 1)).astype(np.int64)
    size = np.maximum(alike, 1)
    cells = (inside * (band.width + np.r_[0, ends])).astype(float)
    cells[np.tril_indices(len(requests))] = np.inf  # a bucket stops after where it starts
    # best[stop]: the fewest cells of all requests up to an end, with the buckets counted so far.
    best = np.where(requests == 0, 0.0, np.inf)
    choices = [_Choice(np.inf, ())]
    cut_at: list[np.ndarray] = []
    for _ in range(most):
        # With one bucket more: the best up to where it starts, and its own cells.
        ways = best[:, None] + cells
        cut_at.append(np.argmin(ways, 0))
        best = np.r_[np.inf, np.min(ways, 0)[1:]]
        # Which buckets they were: back from the last end, from cut to cut.
        buckets: list[Bucket] = []
        stop = len(ends)
        for starts in reversed(cut_at):
            start = int(starts[stop])
            buckets.insert(0, Bucket(int(size[start, stop]), band.width, int(ends[stop - 1])))
            stop = start
        choices.append(_Choice(float(best[-1]), tuple(buckets)))
    return choices
