"""User states in Redis, which processes share and which outlives them.

A Redis that is down, slow or full costs its callers a bounded delay, and then, behind a circuit
breaker, next to nothing; it never costs them an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import ClassVar

import redis
import redis.asyncio
from redis.backoff import NoBackoff

from serving.cache import CachedState, dump, load
from serving.circuit_breaker import CircuitBreaker

_FAILURES = (redis.RedisError, OSError)


class RedisStates:
    """What both caches share.

    Args:
        url: redis://host:port/db, rediss:// with TLS, or unix://path.
        ttl_seconds: Seconds after which Redis forgets a state.
        timeout_seconds: Seconds to wait for a connection, and for an answer.
        breaker: When to leave Redis alone; by default for a second after three failures in a row.
    """

    # redis or redis.asyncio, each with a client and a retry of its own
    _module: ClassVar[ModuleType]

    def __init__(
        self,
        url: str,
        ttl_seconds: float = 3600.0,
        timeout_seconds: float = 0.02,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        if ttl_seconds <= 0 or timeout_seconds <= 0:
            raise ValueError(
                f"Both must be positive. Received: ttl_seconds={ttl_seconds}, "
                f"timeout_seconds={timeout_seconds}"
            )
        # No retries: the breaker decides when to ask again.
        self._redis = self._module.Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=self._module.retry.Retry(NoBackoff(), 0),
        )
        self._ttl_ms = round(1000 * ttl_seconds)
        self.breaker = breaker or CircuitBreaker()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Swallows a store's failures, and tells the breaker."""
        try:
            yield
        except _FAILURES:
            self.breaker.failed()
        else:
            self.breaker.succeeded()


class RedisCache(RedisStates):
    """States in Redis, for RankingClient; several threads may share it.

    See RedisStates for its arguments.

    Example:
        caches = [LruCache(), RedisCache("redis://localhost:6379/0")]
        with RankingClient("localhost:8500", caches=caches) as client:
            client.rank(user, ["12", "13", "14"])
    """

    _module: ClassVar[ModuleType] = redis

    def get(self, key: str) -> CachedState | None:
        """The state; None if there is none, it is damaged, or Redis doesn't answer."""
        if self.breaker.allows():
            with self._guarded():
                stored = self._redis.get(key)
                return None if stored is None else load(stored)
        return None

    def put(self, key: str, state: CachedState) -> None:
        """Keeps a state, if Redis answers."""
        if self.breaker.allows():
            with self._guarded():
                self._redis.set(key, dump(state), px=self._ttl_ms)

    def delete(self, key: str) -> None:
        """Forgets a state, if Redis answers."""
        if self.breaker.allows():
            with self._guarded():
                self._redis.delete(key)

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()


class AsyncRedisCache(RedisStates):
    """As RedisCache, for AsyncRankingClient; make it in the event loop that uses it.

    Example:
        caches = [LruCache(), AsyncRedisCache("redis://localhost:6379/0")]
        async with AsyncRankingClient("localhost:8500", caches=caches) as client:
            await client.rank(user, ["12", "13", "14"])
    """

    _module: ClassVar[ModuleType] = redis.asyncio

    async def get(self, key: str) -> CachedState | None:
        """See RedisCache."""
        if self.breaker.allows():
            with self._guarded():
                stored = await self._redis.get(key)
                return None if stored is None else load(stored)
        return None

    async def put(self, key: str, state: CachedState) -> None:
        """See RedisCache."""
        if self.breaker.allows():
            with self._guarded():
                await self._redis.set(key, dump(state), px=self._ttl_ms)

    async def delete(self, key: str) -> None:
        """See RedisCache."""
        if self.breaker.allows():
            with self._guarded():
                await self._redis.delete(key)

    async def close(self) -> None:
        """See RedisCache."""
        await self._redis.aclose()
