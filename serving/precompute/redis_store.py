"""States in Redis, where the client's RedisCache finds them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import redis
from redis.client import Pipeline

from serving import cache
from serving.errors import ServingError
from serving.precompute.stores import StateStore, UserKey

_CHECK_KEY = "srp4ctr/check"
_CHECK_SECONDS = 5.0
_TIMEOUTS = {"socket_connect_timeout": _CHECK_SECONDS, "socket_timeout": _CHECK_SECONDS}


class RedisStore(StateStore):
    """States in Redis, without the patience of the client's cache.

    Where Redis fails, the job fails, and goes on when run again.

    Example:
        store = RedisStore("redis://localhost:6379/0", ttl_seconds=86_400)
        records | StoreStates(version, store, renew_after=43_200)

    Args:
        url: redis://host:port/db, rediss:// with TLS, or unix://path.
        ttl_seconds: Seconds after which Redis forgets a state.
        states_at_once: States per round trip.

    Raises:
        ServingError: ttl_seconds isn't positive.
    """

    def __init__(self, url: str, ttl_seconds: int, states_at_once: int = 200) -> None:
        if ttl_seconds <= 0:
            raise ServingError(
                "Redis must keep states for a time, 1 second or more. Received: "
                f"ttl_seconds={ttl_seconds}"
            )
        self.states_at_once = states_at_once
        self._url = url
        self._ttl_seconds = ttl_seconds
        self._connection: redis.Redis | None = None

    def check(self) -> None:
        """Puts a value and removes it again."""
        try:
            with (
                redis.Redis.from_url(self._url, **_TIMEOUTS) as connection,
                connection.pipeline() as pipeline,
            ):
                pipeline.set(_CHECK_KEY, b"", ex=1).delete(_CHECK_KEY).execute()
        except (redis.RedisError, ValueError, OSError) as error:
            raise ServingError(f"{_shown(self._url)} can't be used: {error}") from error

    def ages(self, keys: Sequence[UserKey]) -> list[int | None]:
        """Asks for the heads of all states in one round trip."""
        with self._pipeline() as pipeline:
            for key in keys:
                pipeline.getrange(key.key, 0, cache.HEADER_BYTES - 1)
            heads = pipeline.execute()
        ages: list[int | None] = []
        for key, head in zip(keys, heads, strict=True):
            made_for = cache.made_for(head)
            ages.append(None if made_for is None else key.made_for - made_for)
        return ages

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

    def _pipeline(self) -> Pipeline:
        if self._connection is None:
            self._connection = redis.Redis.from_url(self._url)
        return self._connection.pipeline(transaction=False)


def _shown(url: str) -> str:
    """A URL without its user, its password and its options."""
    return re.sub("//[^/]*@", "//", url.partition("?")[0])
