"""States in Redis, where the client's RedisCache finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

from serving.precompute.stores import StateStore, UserKey


class RedisStore(StateStore):
    """Unlike the client's cache it doesn't put up with a Redis that fails: the job fails, and goes on when run again.

    Args:
        url: redis://host:port/db, rediss:// with TLS, or unix://path.
        ttl_seconds: Seconds after which Redis forgets a state, and the next run makes it anew.
        states_at_once: States a round trip.
    """

    def __init__(self, url: str, ttl_seconds: int, states_at_once: int = 200) -> None:
        if ttl_seconds <= 0:
            raise ValueError(f"It must be positive. Received: ttl_seconds={ttl_seconds}")
        self.states_at_once = states_at_once
        self._url, self._ttl_seconds = url, ttl_seconds
        self._connection: Any = None

    def missing(self, keys: Sequence[UserKey]) -> list[UserKey]:
        """Asks for all keys in one round trip."""
        with self._pipeline() as pipeline:
            for key in keys:
                pipeline.exists(key.key)
            return [key for key, exists in zip(keys, pipeline.execute(), strict=True) if not exists]

    def put(self, states: Sequence[tuple[UserKey, bytes]]) -> None:
        """Sends all states in one round trip."""
        with self._pipeline() as pipeline:
            for key, state in states:
                pipeline.set(key.key, state, ex=self._ttl_seconds)
            pipeline.execute()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _pipeline(self) -> Any:
        if self._connection is None:
            self._connection = redis.Redis.from_url(self._url)
        return self._connection.pipeline(transaction=False)
