"""RedisCache and AsyncRedisCache on a real redis-server: down, slow, full, or holding rubbish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from serving.cache import CachedState, dump
from serving.circuit_breaker import CircuitBreaker
from serving.redis_cache import AsyncRedisCache, RedisCache
from tests.serving.redis_server import RedisServer

STATE = CachedState(bytes(range(256)) * 100, 1_700_000_000)
TIMEOUT_SECONDS = 20


class BlockingAsyncRedisCache:
    """AsyncRedisCache in an event loop of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._cache = AsyncRedisCache(*arguments, **options)
        self.breaker = self._cache.breaker

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self._loop.run_until_complete(
            getattr(self._cache, name)(*arguments)
        )


Cache: TypeAlias = RedisCache | BlockingAsyncRedisCache


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture(params=[RedisCache, BlockingAsyncRedisCache])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Cache]]:
    caches = []

    def connect(server: RedisServer, **options: Any) -> Cache:
        caches.append(request.param(server.url, **{"timeout_seconds": TIMEOUT_SECONDS} | options))
        return caches[-1]

    yield connect
    for cache in caches:
        cache.close()


def test_states_are_kept_for_a_time(server: RedisServer, make: Callable[..., Cache]) -> None:
    cache = make(server, ttl_seconds=100)
    assert cache.get("k") is None
    cache.put("k", STATE)
    assert cache.get("k") == STATE
    assert 90_000 < server.connect().pttl("k") <= 100_000
    cache.delete("k")
    assert cache.get("k") is None
    assert cache.breaker.failed_requests == 0


@pytest.mark.parametrize(
    "rubbish", [b"", b"rubbish" * 10, dump(STATE)[:-1], dump(STATE).replace(b"\x07", b"\x08", 1)]
)
def test_rubbish_is_nothing(
    server: RedisServer, make: Callable[..., Cache], rubbish: bytes
) -> None:
    server.connect().set("k", rubbish)
    assert make(server).get("k") is None


def test_a_key_of_another_type_is_nothing(server: RedisServer, make: Callable[..., Cache]) -> None:
    server.connect().lpush("k", "x")
    cache = make(server)
    assert cache.get("k") is None
    cache.put("k", STATE)
    assert cache.get("k") == STATE


def test_a_full_store_keeps_nothing_and_costs_no_error(make: Callable[..., Cache]) -> None:
    server = RedisServer("--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
    try:
        cache = make(server, breaker=CircuitBreaker(failures=1000))
        for number in range(200):
            cache.put(str(number), CachedState(bytes(100_000), 0))
        assert cache.breaker.failed_requests > 100
        assert cache.get("none") is None
    finally:
        server.kill()


def test_killed_and_restarted(server: RedisServer, make: Callable[..., Cache]) -> None:
    now = [0.0]
    cache = make(server, breaker=CircuitBreaker(failures=3, pause_seconds=60, clock=lambda: now[0]))
    cache.put("k", STATE)
    server.kill()
    for _ in range(20):
        assert cache.get("k") is None
        cache.put("k", STATE)
    assert cache.breaker.failed_requests == 3
    assert cache.breaker.skipped_requests == 37
    server.start()
    now[0] = 61.0
    assert cache.get("k") is None  # it kept nothing on disk
    cache.put("k", STATE)
    assert cache.get("k") == STATE


def test_a_stalled_server_costs_a_bounded_delay(
    server: RedisServer, make: Callable[..., Cache]
) -> None:
    """Three timeouts open the breaker; while it is open, no request is made."""
    breaker = CircuitBreaker(failures=3, pause_seconds=60, clock=lambda: 0.0)
    cache = make(server, timeout_seconds=0.05, breaker=breaker)
    make(server).put("k", STATE)
    server.stall()
    try:
        found = [cache.get("k") for _ in range(1000)]
    finally:
        server.go_on()
    assert found == [None] * 1000
    assert (cache.breaker.failed_requests, cache.breaker.skipped_requests) == (3, 997)


def test_never_there(make: Callable[..., Cache]) -> None:
    server = RedisServer()
    server.kill()
    cache = make(server)
    cache.put("k", STATE)
    cache.delete("k")
    assert cache.get("k") is None
    assert cache.breaker.failed_requests == 3


@pytest.mark.parametrize("options", [{"ttl_seconds": 0}, {"timeout_seconds": 0}])
@pytest.mark.parametrize("kind", [RedisCache, AsyncRedisCache])
def test_times_must_be_positive(
    kind: type[RedisCache] | type[AsyncRedisCache], options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="Both must be positive"):
        kind("redis://127.0.0.1:1", **options)
