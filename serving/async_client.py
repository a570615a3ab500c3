"""The asyncio twin of client.py: the same calls, awaited."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from serving.cache import StateCache
from serving.candidates import Candidates, Scores
from serving.channel_options import ChannelOptions
from serving.deadline import Deadline
from serving.inputs import User
from serving.io import AsyncIo
from serving.ranking import Ranking
from serving.states import Freshness, UserState


class AsyncRankingClient:
    """As RankingClient, for asyncio; make it in the event loop that uses it.

    Its methods, arguments, results and errors are RankingClient's. `caches` may hold LruCache and AsyncRedisCache; a
    RedisCache would block the loop.

    Example:
        async with AsyncRankingClient("localhost:8500", caches=[LruCache()]) as client:
            best = await client.rank(user, ["12", "13", "14"], top=2)
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
        io = AsyncIo(address, channel)
        self._ranking = Ranking(io, address, model_name, channel, caches, freshness or Freshness())

    async def encode_user(self, user: User | Sequence[User], timeout_seconds: float | None = None) -> UserState:
        """See RankingClient."""
        return await self._ranking.encode_user(user, self._deadline(timeout_seconds))

    async def score_items(
        self, state: UserState, candidates: Candidates, timeout_seconds: float | None = None
    ) -> Scores:
        """See RankingClient."""
        return await self._ranking.score_items(state, candidates, self._deadline(timeout_seconds))

    async def predict(
        self, user: User | Sequence[User], candidates: Candidates, timeout_seconds: float | None = None
    ) -> Scores:
        """See RankingClient."""
        return await self._ranking.predict(user, candidates, self._deadline(timeout_seconds))

    async def rank(
        self,
        user: User,
        candidates: Candidates,
        top: int | None = None,
        by: str | None = None,
        timeout_seconds: float | None = None,
    ) -> list[tuple[Any, dict[str, float]]]:
        """See RankingClient."""
        return await self._ranking.rank(user, candidates, top, by, self._deadline(timeout_seconds))

    async def wait_until_ready(self, timeout_seconds: float = 60.0) -> int:
        """See RankingClient."""
        return await self._ranking.wait_until_ready(Deadline(timeout_seconds))

    def counts(self) -> dict[str, int]:
        """See RankingClient."""
        return self._ranking.states.counters.snapshot()

    async def close(self) -> None:
        """Closes the connection; the caches are the caller's."""
        await self._ranking.close()

    async def __aenter__(self) -> AsyncRankingClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _deadline(self, timeout_seconds: float | None) -> Deadline:
        return Deadline(self._timeout_seconds if timeout_seconds is None else timeout_seconds)
