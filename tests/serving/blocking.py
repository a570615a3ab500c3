"""An AsyncRankingClient behind blocking methods, so that one suite tests both clients."""

import asyncio
import threading

from serving.async_client import AsyncRankingClient

LIMIT_SECONDS = 60


class BlockingAsyncClient:
    """Runs each call in an event loop that lives in a thread."""

    def __init__(self, *arguments, **options):
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._client = self._run(self._make(*arguments, **options))
        self._ranking = self._client._ranking

    async def _make(self, *arguments, **options):
        return AsyncRankingClient(*arguments, **options)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LIMIT_SECONDS)

    def encode_user(self, *arguments, **options):
        return self._run(self._client.encode_user(*arguments, **options))

    def score_items(self, *arguments, **options):
        return self._run(self._client.score_items(*arguments, **options))

    def predict(self, *arguments, **options):
        return self._run(self._client.predict(*arguments, **options))

    def rank(self, *arguments, **options):
        return self._run(self._client.rank(*arguments, **options))

    def wait_until_ready(self, *arguments, **options):
        return self._run(self._client.wait_until_ready(*arguments, **options))

    def counts(self):
        return self._client.counts()

    def close(self):
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
