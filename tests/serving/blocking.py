"""An AsyncRankingClient behind blocking methods, so that one suite tests both clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from serving.async_client import AsyncRankingClient
from serving.candidates import Scores
from serving.client import RankingClient
from serving.states import UserState

LIMIT_SECONDS = 60
T = TypeVar("T")


class BlockingAsyncClient:
    """Runs each call in an event loop that lives in a thread."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._client = self._run(self._make(*arguments, **options))
        self._ranking = self._client._ranking

    async def _make(self, *arguments: Any, **options: Any) -> AsyncRankingClient:
        return AsyncRankingClient(*arguments, **options)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LIMIT_SECONDS)

    def encode_user(self, *arguments: Any, **options: Any) -> UserState:
        return self._run(self._client.encode_user(*arguments, **options))

    def score_items(self, *arguments: Any, **options: Any) -> Scores:
        return self._run(self._client.score_items(*arguments, **options))

    def predict(self, *arguments: Any, **options: Any) -> Scores:
        return self._run(self._client.predict(*arguments, **options))

    def rank(self, *arguments: Any, **options: Any) -> list[tuple[Any, dict[str, float]]]:
        return self._run(self._client.rank(*arguments, **options))

    def wait_until_ready(self, *arguments: Any, **options: Any) -> int:
        return self._run(self._client.wait_until_ready(*arguments, **options))

    def counts(self) -> dict[str, int]:
        return self._client.counts()

    def close(self) -> None:
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)


Client: TypeAlias = "RankingClient | BlockingAsyncClient"
MakeClient: TypeAlias = Callable[..., Client]
