"""Where pre-computed states go: what the Beam jobs ask of such a place."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class UserKey:
    """Names the state of one user with one history, made by one model version.

    Attributes:
        user_id: The user.
        key: Where the client's cache looks for the state.
        made_for: The request's time, seconds since 1970.
    """

    user_id: str
    key: str
    made_for: int


class StateStore(abc.ABC):
    """States by key, as the client's cache writes them. Putting one again replaces it.

    Workers get a copy each, by pickling, before it is first used.

    Attributes:
        states_at_once: How many states a worker gathers before it puts them.
    """

    states_at_once: int

    @abc.abstractmethod
    def check(self) -> None:
        """Tries, before a job, whether states can be put here.

        Raises:
            ServingError: They can't.
        """

    @abc.abstractmethod
    def ages(self, keys: Sequence[UserKey]) -> list[int | None]:
        """How much older the stored states are than the asked ones.

        Returns:
            For each key, seconds from the time that its state here was made for to the key's own,
            negative if it was made for a later one; None if there is no state.
        """

    @abc.abstractmethod
    def put(self, states: Sequence[tuple[UserKey, bytes]]) -> None:
        """Stores states; when it returns, they are safe."""

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of connections."""
