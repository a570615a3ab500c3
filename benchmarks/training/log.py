"""A made-up log in arrays, from which every side of a comparison makes its own kind of input."""

from __future__ import annotations

import dataclasses

import numpy as np

LENGTH = 50  # behaviours of a history at most
VALUES = 100  # indices of every feature but the item id
SEED = 7


@dataclasses.dataclass(frozen=True)
class Log:
    """R requests. All values are indices; 0 is none.

    Attributes:
        items: Number of item indices, 0 included.
        side: {"category", "brand"}, each by item, [items].
        user: {"gender", "device"}, each by request, [R].
        lengths: Behaviours of each history, [R].
        behaviors: {"item_id", "action"} of all histories, one after the other, oldest first.
        candidates: [R, N] items.
        clicked: [R, N], 0.0 or 1.0.
    """

    items: int
    side: dict[str, np.ndarray]
    user: dict[str, np.ndarray]
    lengths: np.ndarray
    behaviors: dict[str, np.ndarray]
    candidates: np.ndarray
    clicked: np.ndarray

    def history(self, request: int, starts: np.ndarray) -> dict[str, np.ndarray]:
        """A request's behaviours; `starts` is where each history begins."""
        first = starts[request]
        stop = first + self.lengths[request]
        return {name: values[first:stop] for name, values in self.behaviors.items()}

    @property
    def starts(self) -> np.ndarray:
        """Where in `behaviors` each history begins."""
        return np.cumsum(self.lengths) - self.lengths


def make_log(
    requests: int,
    candidates: int,
    items: int = 10_000,
    full: bool = False,
    seed: int = SEED,
    length: int = LENGTH,
) -> Log:
    """Makes a log up; item c comes as often as 1 / c.

    Args:
        requests: R.
        candidates: N, per request.
        items: Item indices, 0 included.
        full: Whether every history is as long as the longest. Else lengths are log-normal, with a
            median of a third of the longest.
        seed: Of everything.
        length: Behaviours of the longest history.
    """
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(np.log(length / 3), 1.0, requests), 2, length).astype(np.int64)
    lengths = np.full(requests, length) if full else lengths
    behaviors = int(lengths.sum())
    # In this order: what is drawn first decides what is drawn next.
    category = np.append(0, rng.integers(1, VALUES, items - 1))
    brand = np.append(0, rng.integers(1, VALUES, items - 1))
    gender = rng.integers(1, VALUES, requests)
    device = rng.integers(1, VALUES, requests)
    events = {
        "item_id": _items(rng, items, behaviors),
        "action": rng.integers(1, VALUES, behaviors),
    }
    shape = (requests, candidates)
    return Log(
        items=items,
        side={"category": category, "brand": brand},
        user={"gender": gender, "device": device},
        lengths=lengths,
        behaviors=events,
        candidates=_items(rng, items, requests * candidates).reshape(shape),
        clicked=(rng.random(shape) < 0.2).astype(np.float32),
    )


def impressions(log: Log) -> dict[str, np.ndarray]:
    """A row per candidate, as libraries without requests want it.

    Histories are padded with 0 at their end.
    """
    count = log.candidates.shape[1]
    place = np.arange(LENGTH)[None] < log.lengths[:, None]
    history = np.zeros(place.shape, np.int64)
    history[place] = log.behaviors["item_id"]
    rows = {name: np.repeat(values, count) for name, values in log.user.items()}
    rows |= {"item_id": log.candidates.ravel(), "hist_item_id": np.repeat(history, count, 0)}
    for name, values in log.side.items():
        rows |= {name: values[rows["item_id"]], f"hist_{name}": values[rows["hist_item_id"]]}
    return rows | {"seq_length": np.repeat(log.lengths, count), "clicked": log.clicked.ravel()}


def _items(rng: np.random.Generator, items: int, count: int) -> np.ndarray:
    return np.clip(np.exp(rng.random(count) * np.log(items)).astype(np.int64), 1, items - 1)
