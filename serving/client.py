"""Ranks items for users with a model behind TensorFlow Serving; needs only gRPC and NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from serving.base_client import BaseClient
from serving.candidates import Candidates, Scores
from serving.channel_options import ChannelOptions, Tls
from serving.connection import RankingError
from serving.deadline import Deadline
from serving.inputs import User
from serving.io import BlockingIo
from serving.lru_cache import LruCache
from serving.states import Freshness, UserState

__all__ = [
    "ChannelOptions",
    "Freshness",
    "LruCache",
    "RankingClient",
    "RankingError",
    "Tls",
    "UserState",
]


class RankingClient(BaseClient):
    """A synchronous client of one model; several threads may share it.

    See BaseClient for its arguments.

    A user is a mapping of raw features: scalars, and lists along the history, the oldest event
    first. What is left out is absent. Candidates are item ids, or a mapping of candidate features;
    either is one list, or one list per user. More candidates than the model takes at once go in
    several concurrent requests.

    Every method takes `timeout_seconds`, the budget for all the requests that it makes, where it
    isn't the client's.

    Example:
        with RankingClient("localhost:8500", caches=[LruCache()]) as client:
            user = {
                "user_id": "42",
                "timestamp": 1_700_000_000,
                "history_item_id": ["10", "11"],
                "history_timestamp": [1_699_999_000, 1_699_999_900],
            }
            best = client.rank(user, ["12", "13", "14"], top=2)
    """

    _io_type = BlockingIo

    def encode_user(
        self, user: User | Sequence[User], timeout_seconds: float | None = None
    ) -> UserState:
        """The state of a user, or of several, by the latest version and past the caches.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        return BlockingIo.run(self._ranking.encode_user(user, self._deadline(timeout_seconds)))

    def score_items(
        self, state: UserState, candidates: Candidates, timeout_seconds: float | None = None
    ) -> Scores:
        """Probabilities [B, N] per task, by the version that made `state`; 0 for an item id of "".

        Raises:
            RankingError: The server refused or didn't answer; code NOT_FOUND if it no longer serves
                that version.
            ValueError: A candidate feature is unknown, missing, or has the wrong type.
        """
        return BlockingIo.run(
            self._ranking.score_items(state, candidates, self._deadline(timeout_seconds))
        )

    def predict(
        self,
        user: User | Sequence[User],
        candidates: Candidates,
        timeout_seconds: float | None = None,
    ) -> Scores:
        """Probabilities [B, N] per task, by the latest version; no state leaves the server.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        return BlockingIo.run(
            self._ranking.predict(user, candidates, self._deadline(timeout_seconds))
        )

    def rank(
        self,
        user: User,
        candidates: Candidates,
        top: int | None = None,
        by: str | None = None,
        timeout_seconds: float | None = None,
    ) -> list[tuple[Any, dict[str, float]]]:
        """One user's candidates, the best first.

        The user's state comes from the caches, or is made, once for all who ask for it at the same
        time. A server that has moved to another version refuses it; then it is made anew, once.
        If that one is refused too, as by another server, the candidates are scored without a state.

        Args:
            user: The user's raw features.
            candidates: Item ids, or a mapping of candidate features.
            top: How many to return; None for all.
            by: The task to sort by; may be left out if the model has only one.
            timeout_seconds: The budget for all requests.

        Returns:
            (item id, {task: probability}) pairs.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing or of the wrong type, or `by` is no task of
                the model.
        """
        return BlockingIo.run(
            self._ranking.rank(user, candidates, top, by, self._deadline(timeout_seconds))
        )

    def wait_until_ready(self, timeout_seconds: float = 60.0) -> int:
        """Waits until the latest version has encoded a user and scored an item.

        Returns:
            The version.

        Raises:
            RankingError: It wasn't ready in time, or never will be.
            ValueError: The model is none of this package's.
        """
        return BlockingIo.run(self._ranking.wait_until_ready(Deadline(timeout_seconds)))

    def close(self) -> None:
        """Closes the connection; the caches are the caller's."""
        BlockingIo.run(self._ranking.close())

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
