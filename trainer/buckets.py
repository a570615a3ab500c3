"""The few shapes that batches of requests are padded to: XLA compiles a step anew for each.

A bucket takes requests of up to so many candidates and behaviours. Which buckets there are follows
from the data: those that pad least, a dozen at the most. Every process plans from the same files,
and so has the same buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from trainer.ceil_div import ceil_div

MOST_BUCKETS = 12
CHUNK_BYTES = 64 * 2**20  # of serialised records, which are sorted into buckets at once
# A tensor where requests are sorted within a tf.data graph.
Count: TypeAlias = int | tf.Tensor
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
        requests: How many requests are in its batches.
        batches: How many batches they make.
        gone: How many requests it left to the last bucket.
    """

    requests: Count
    batches: Count
    gone: Count


def fill(buckets: Sequence[Bucket], requests: Sequence[Count]) -> list[Filled]:
    """Fills buckets with the requests of a chunk.

    A bucket's last batch would be half empty on average. So what makes no whole batch goes to the
    next bucket where that is as large on both sides, and to the last one where it isn't.

    Args:
        buckets: In the order of a Plan.
        requests: How many fit best in each bucket.
    """
    filled: list[Filled] = []
    left: Count = 0  # by the bucket before
    gone: Count = 0
    for number, bucket in enumerate(buckets[:-1]):
        here = requests[number] + left
        batches = here // bucket.requests
        left = here - batches * bucket.requests
        to_last: Count = 0
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
    # A dynamic programme. Buckets of one width are a band: it takes the requests with more
    # candidates than the band before it has room for, and cuts them by length.
    # cheapest[stop][count]: for the requests of the first `stop` widths, with `count` buckets.
    cheapest = [[_Choice(0.0, ())] * (most + 1)]
    for stop in range(1, len(widths) + 1):
        bands: list[list[_Choice]] = []
        for start in range(stop):
            band = _Band(
                requests=requests[start:stop].sum(0),
                candidates=candidates[start:stop].sum(0),
                width=int(widths[stop - 1]),
                batch_size=batch_size,
            )
            bands.append(_cut_lengths(band, lengths, most))
        cheapest.append(_add_last_band(cheapest, bands, most))
    return Plan(cheapest[-1][most].buckets, max(int(CHUNK_BYTES / sizes.record_bytes), 1))


class _Choice(NamedTuple):
    """Some buckets, and the cells of all batches that they make."""

    cells: float
    buckets: tuple[Bucket, ...]

    def and_also(self, other: _Choice) -> _Choice:
        return _Choice(self.cells + other.cells, self.buckets + other.buckets)


_NO_ROOM = _Choice(np.inf, ())  # without buckets no request has a place


class _Band(NamedTuple):
    """Requests whose buckets have the same room for candidates.

    Attributes:
        requests: How many there are of each length, int64 [lengths].
        candidates: How many candidates they have, int64 [lengths].
        width: The most that one of them has.
        batch_size: Candidates per batch, about.
    """

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


def _add_last_band(
    cheapest: Sequence[Sequence[_Choice]], bands: Sequence[Sequence[_Choice]], most: int
) -> list[_Choice]:
    """The cheapest buckets for all requests of some widths, by how many buckets there may be.

    Args:
        cheapest: cheapest[start][count]: for the requests of the first `start` widths.
        bands: bands[start][count]: for the others, which are the last band's.
        most: How many buckets there may be.
    """
    choices = [_NO_ROOM]
    for count in range(1, most + 1):
        options: list[_Choice] = []
        for before, band in zip(cheapest, bands, strict=True):
            # Some of the buckets are the last band's, the rest is for the requests before it.
            for of_band in range(1, count + 1):
                options.append(before[count - of_band].and_also(band[of_band]))
        choices.append(min(options, key=lambda option: option.cells))
    return choices


def _cut_lengths(band: _Band, edges: np.ndarray, most: int) -> list[_Choice]:
    """The cheapest buckets for a band, by how many there may be.

    Each takes the requests with histories longer than one end and as long as a later one at most;
    `start` and `stop` number these ends, 0 is before the first.
    """
    used = band.requests > 0
    ends = edges[used]
    requests_to = np.r_[0, np.cumsum(band.requests[used])]
    candidates_to = np.r_[0, np.cumsum(band.candidates[used])]
    # What a bucket would have, by [start, stop].
    requests = requests_to[None] - requests_to[:, None]
    candidates = candidates_to[None] - candidates_to[:, None]
    per_batch = np.round(band.batch_size * requests / np.maximum(candidates, 1)).astype(np.int64)
    per_batch = np.maximum(per_batch, 1)
    cells = (requests * (band.width + np.r_[0, ends])).astype(float)
    cells[np.tril_indices(len(ends) + 1)] = np.inf  # a bucket stops after where it starts
    # fewest[stop]: the cells of all requests up to there, with as many buckets as rounds are over.
    fewest = np.full(len(ends) + 1, np.inf)
    fewest[0] = 0.0
    choices = [_NO_ROOM]
    last_starts: list[np.ndarray] = []  # of each round: where its last bucket starts, by stop
    for _ in range(most):
        totals = fewest[:, None] + cells
        last_starts.append(np.argmin(totals, 0))
        fewest = np.min(totals, 0)
        # Which buckets they are: back from the last end, from start to start.
        buckets: list[Bucket] = []
        stop = len(ends)
        for starts in reversed(last_starts):
            start = int(starts[stop])
            bucket = Bucket(int(per_batch[start, stop]), band.width, int(ends[stop - 1]))
            buckets.insert(0, bucket)
            stop = start
        choices.append(_Choice(float(fewest[-1]), tuple(buckets)))
    return choices
