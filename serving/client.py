"""Ranks items for users with a model behind TensorFlow Serving; needs only gRPC and NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from serving.cache import StateCache
from serving.candidates import Candidates, Scores
from serving.channel_options import ChannelOptions, Tls
from serving.connection import RankingError
from serving.deadline import Deadline
from serving.inputs import User
from serving.io import BlockingIo
from serving.lru_cache import LruCache
from serving.ranking import Ranking
from serving.states import Freshness, UserState

__all__ = ["ChannelOptions", "Freshness", "LruCache", "RankingClient", "RankingError", "Tls", "UserState"]


class RankingClient:
    """A synchronous client of one model; several threads may share it.

    A user is a mapping of raw features: scalars, and lists along the history, the oldest event first. What is left
    out is absent. Candidates are item ids, or a mapping of candidate features; either is one list, or one list a user.
    More candidates than the model takes at once go in several concurrent requests.

    Every method takes `timeout_seconds`, the budget for all the requests that it makes, where it isn't the client's.

    Example:
        with RankingClient("localhost:8500", caches=[LruCache()]) as client:
            user = {"user_id": "42", "timestamp": 1700000000, "history_item_id": ["10", "11"], ...}
            best = client.rank(user, ["12", "13", "14"], top=2)

    Args:
        address: `host:port` of the server's gRPC port, or any name that gRPC resolves.
        model_name: The model's name on the server.
        timeout_seconds: Seconds after which a call is given up.
        channel: Limits, TLS, retries.
        caches: Where `rank` keeps users' states, asked in this order, such as [LruCache(), RedisCache(url)]; with
            none, each call makes its state.
        freshness: How old a cached state may be.
    """

    def __init__(
        self,
        address: str,
        model_name: str = "srp4ctr",
        timeout_seconds: float = 1.0,
        channel: ChannelOptions | None = None,
        caches: Sequence[StateCache] = (),
        freshness: Freshness | None = None,
    ) -> None:
        channel = channel or ChannelOptions()
        self._timeout_seconds = timeout_seconds
        self._io = BlockingIo(address, channel)
        self._ranking = Ranking(self._io, address, model_name, channel, caches, freshness or Freshness())

    def encode_user(self, user: User | Sequence[User], timeout_seconds: float | None = None) -> UserState:
        """The state of a user, or of several, by the latest version and past the caches.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        return self._io.run(self._ranking.encode_user(user, self._deadline(timeout_seconds)))

    def score_items(self, state: UserState, candidates: Candidates, timeout_seconds: float | None = None) -> Scores:
        """Probabilities [B, N] a task, by the version that made `state`; 0 for an item id of "".

        Raises:
            RankingError: The server refused or didn't answer; code NOT_FOUND if it no longer serves that version.
            ValueError: A candidate feature is unknown, missing, or has the wrong type.
        """
        return self._io.run(self._ranking.score_items(state, candidates, self._deadline(timeout_seconds)))

    def predict(
        self, user: User | Sequence[User], candidates: Candidates, timeout_seconds: float | None = None
    ) -> Scores:
        """Probabilities [B, N] a task by the latest version; no state leaves the server.

        Raises:
            RankingError: The server refused or didn't answer.
            ValueError: A feature is unknown, missing, or has the wrong type.
        """
        return self._io.run(self._ranking.predict(user, candidates, self._deadline(timeout_seconds)))

    def rank(
        self,
        user: User,
        candidates: Candidates,
        top: int | None = None,
        by: str | None = None,
        timeout_seconds: float | None = None,
    ) -> list[tuple[Any, dict[str, float]]]:
        """One user's candidates, the best first.

        The user's state comes from the caches, or is made, once for all who ask for it at the same time. If the
        server refuses it, having moved to another version, say, it is made anew, once.

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
            ValueError: A feature is unknown, missing or of the wrong type, or `by` is no task of the model.
        """
        return self._io.run(self._ranking.rank(user, candidates, top, by, self._deadline(timeout_seconds)))

    def wait_until_ready(self, timeout_seconds: float = 60.0) -> int:
        """Waits until the server has the model's latest version, and that has encoded a user and scored an item.

        Returns:
            The version.

        Raises:
            RankingError: It wasn't ready in time, or never will be.
            ValueError: The model is none of this package's.
        """
        return self._io.run(self._ranking.wait_until_ready(Deadline(timeout_seconds)))

    def counts(self) -> dict[str, int]:
        """How often `rank` found a cached state (hits) or didn't (misses), encoded a user, or renewed a state."""
        return self._ranking.states.counters.snapshot()

    def close(self) -> None:
        """Closes the connection; the caches are the caller's."""
        self._io.run(self._ranking.close())

    def __enter__(self) -> RankingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _deadline(self, timeout_seconds: float | None) -> Deadline:
        return Deadline(self._timeout_seconds if timeout_seconds is None else timeout_seconds)
