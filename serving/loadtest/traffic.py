"""The users and items that a load test asks about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from preprocessing.features import HISTORY_ITEM_ID, USER_ID
from serving import tensors

_EVENT_SECONDS = 1_700_000_000


class Traffic(Protocol):
    """Where a load test takes its requests from."""

    def user(self, number: int) -> Mapping[str, Any]:
        """The raw features of the user of that number, the same ones each time."""

    def items(self, rng: np.random.Generator, count: int) -> Sequence[str]:
        """Ids of candidates."""


class SyntheticTraffic:
    """Made-up users and items for whatever inputs a model has: for its speed, not for its scores.

    Args:
        infos: The inputs of signature `encode_user`, name -> TensorInfo.
        history: Behaviours a user.
        catalogue: How many different items there are; ids are "0", "1", ...
        seed: Of everything.
    """

    def __init__(
        self, infos: Mapping[str, Any], history: int, catalogue: int = 10_000, seed: int = 1
    ) -> None:
        self._infos = dict(infos)
        self._history = history
        self._catalogue = catalogue
        self._seed = seed

    def user(self, number: int) -> Mapping[str, Any]:
        """See Traffic."""
        rng = np.random.default_rng((self._seed, number))
        made = {name: self._values(name, info, rng) for name, info in self._infos.items()}
        return made | {USER_ID: str(number), HISTORY_ITEM_ID: self.items(rng, self._history)}

    def items(self, rng: np.random.Generator, count: int) -> Sequence[str]:
        """See Traffic."""
        return [str(item) for item in rng.integers(self._catalogue, size=count)]

    def _values(self, name: str, info: Any, rng: np.random.Generator) -> Any:
        is_list = len(info.tensor_shape.dim) == 2
        count = self._history if is_list else 1
        kind = tensors.dtype_of(info.dtype).kind
        values: list[Any]
        if kind == "i":
            values = sorted(_EVENT_SECONDS - int(gap) for gap in rng.integers(10**6, size=count))
        else:
            values = rng.normal(size=count).tolist() if kind == "f" else [""] * count
        return values if is_list else values[0]


class RecordedTraffic:
    """Users of a log, and the items that they met.

    Args:
        users: Raw features of users; a load test with more users than that gives several the same
            features.
        items: Item ids.
    """

    def __init__(self, users: Sequence[Mapping[str, Any]], items: Sequence[str]) -> None:
        if not users or not items:
            raise ValueError(
                f"A load test needs users and items. Received: {len(users)} users, {len(items)} "
                "items"
            )
        self._users = users
        self._items = np.array(items, object)

    def user(self, number: int) -> Mapping[str, Any]:
        """See Traffic."""
        return self._users[number % len(self._users)]

    def items(self, rng: np.random.Generator, count: int) -> Sequence[str]:
        """See Traffic."""
        return self._items[rng.integers(len(self._items), size=count)].tolist()
