"""The asyncio twin of client.py: the same calls, awaited."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from serving.base_client import BaseClient
from serving.candidates import Candidates, Scores
from serving.deadline import Deadline
from serving.inputs import User
from serving.io import AsyncIo
from serving.states import UserState


class AsyncRankingClient(BaseClient):
    """As RankingClient, for asyncio; make it in the event loop that uses it.

    Its methods, arguments, results and errors are RankingClient's. `caches` may hold LruCache and
    AsyncRedisCache; a RedisCache would block the loop.

    Example:
        async with AsyncRankingClient("localhost:8500", caches=[LruCache()]) as client:
            best = await client.rank(user, ["12", "13", "14"], top=2)
    """

    _io_type = AsyncIo

    async def encode_user(
        self, user: User | Sequence[User], timeout_seconds: float | None = None
    ) -> UserState:
        """See RankingClient."""
        return await self._ranking.encode_user(user, self._deadline(timeout_seconds))

    async def score_items(
        self, state: UserState, candidates: Candidates, timeout_seconds: float | None = None
    ) -> Scores:
        """See RankingClient."""
        return await self._ranking.score_items(state, candidates, self._deadline(timeout_seconds))

    async def predict(
        self,
        user: User | Sequence[User],
        candidates: Candidates,
        timeout_seconds: float | None = None,
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

    async def close(self) -> None:
        """Closes the connection; the caches are the caller's."""
        await self._ranking.close()

    async def __aenter__(self) -> AsyncRankingClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
