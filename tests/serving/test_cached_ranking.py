"""`rank` with caches: scores stay right.

Hits, staleness, version rolls, poisoned and dying caches, single flight.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from serving.async_client import AsyncRankingClient
from serving.cache import CachedState, StateCache
from serving.circuit_breaker import CircuitBreaker
from serving.client import Freshness, LruCache, RankingClient
from serving.connection import RankingError
from serving.deadline import Deadline
from serving.inputs import User
from serving.redis_cache import AsyncRedisCache, RedisCache
from serving.server import ModelServer
from serving.states import UserState
from tests.serving import toy_ranker
from tests.serving.blocking import BlockingAsyncClient, Client, MakeClient
from tests.serving.conftest import Eventually, Push, StartServer, Target
from tests.serving.redis_server import RedisServer

ANNA: dict[str, Any] = {"user_id": "1", "age": 0.5, "history_item_id": ["7", "8"]}  # state 3.5
TIMED: dict[str, Any] = {
    "user_id": "1",
    "timestamp": 1_000_000,
    "history_item_id": ["7"],
    "history_timestamp": [5],
}
TIMEOUT_SECONDS = 20
Kind: TypeAlias = tuple[type[Client], type[RedisCache] | type[AsyncRedisCache]]
KINDS: dict[str, Kind] = {
    "sync": (RankingClient, RedisCache),
    "asyncio": (BlockingAsyncClient, AsyncRedisCache),
}
RunAsync: TypeAlias = Callable[[Callable[[AsyncRankingClient, asyncio.Event], Awaitable[Any]]], Any]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def make(kind: Kind) -> Iterator[MakeClient]:
    """Makes cached clients of either kind, and closes them after the test."""
    clients = []

    def connect(
        address: str, caches: Sequence[StateCache], freshness: Freshness | None = None
    ) -> Client:
        clients.append(
            kind[0](address, toy_ranker.NAME, TIMEOUT_SECONDS, caches=caches, freshness=freshness)
        )
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


def address_of(server: ModelServer) -> str:
    return f"127.0.0.1:{server.grpc_port}"


def score(client: Client, user: User = ANNA) -> float:
    """The score of item 1."""
    return client.rank(user, ["1"], by="click")[0][1]["click"]


class Recorder(LruCache):
    """Knows what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def put(self, key: str, state: CachedState) -> None:
        self.keys.append(key)
        super().put(key, state)


def test_a_state_is_made_once(target: Target, make: MakeClient) -> None:
    client = make(target.grpc_address, [LruCache()])
    assert [score(client) for _ in range(3)] == [13.5] * 3
    assert client.counts() == {"misses": 1, "hits": 2, "encoded": 1}


def test_whatever_moves_the_state_misses(target: Target, make: MakeClient) -> None:
    client = make(target.grpc_address, [LruCache()])
    assert score(client) == 13.5
    assert score(client, ANNA | {"history_item_id": ["7", "8", "9"]}) == 14.5
    assert score(client, ANNA | {"age": 1.5}) == 14.5
    assert score(client, ANNA | {"user_id": "2"}) == 14.5
    assert client.counts()["encoded"] == 4


def test_clients_share_redis_and_keep_their_own_copy(
    target: Target, make: MakeClient, kind: Kind, redis_server: RedisServer
) -> None:
    own = [LruCache(), LruCache()]
    first, second = (make(target.grpc_address, [cache, kind[1](redis_server.url)]) for cache in own)
    assert score(first) == score(second) == 13.5
    assert second.counts() == {"hits": 1}
    redis_server.kill()
    assert score(second) == 13.5
    assert second.counts() == {"hits": 2}


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "encoded"), [(0, 1), (60, 1), (-60, 1), (61, 2), (-61, 2)])
def test_a_state_serves_requests_near_the_one_it_was_made_for(
    saved: dict[int, Path],
    start: StartServer,
    make: MakeClient,
    tmp_path: Path,
    seconds: float,
    encoded: int,
) -> None:
    client = make(address_of(start(saved[3].parent)), [LruCache()], Freshness(staleness_seconds=60))
    score(client, TIMED)
    score(client, TIMED | {"timestamp": TIMED["timestamp"] + seconds})
    assert client.counts()["encoded"] == encoded


def test_a_version_roll_is_noticed(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    make: MakeClient,
) -> None:
    server = start(model_dir, num_versions=2)
    cache = Recorder()
    client = make(address_of(server), [cache], Freshness(version_seconds=0.1))
    assert score(client) == 13.5
    push(saved[2], model_dir)
    eventually(lambda: server.versions == [2, 1])
    eventually(lambda: score(client) == 13.5 and client.counts()["encoded"] == 2)
    assert [key.split("/")[2:4] for key in cache.keys] == [["1", "toy1"], ["2", "toy2"]]
    assert "renewed" not in client.counts()


def test_a_client_that_missed_the_roll_recovers(
    saved: dict[int, Path],
    model_dir: Path,
    start: StartServer,
    push: Push,
    eventually: Eventually,
    make: MakeClient,
) -> None:
    server = start(model_dir)
    client = make(address_of(server), [LruCache()], Freshness(version_seconds=3600))
    assert score(client) == 13.5
    push(saved[2], model_dir)
    eventually(lambda: server.versions == [2])
    assert [score(client), score(client)] == [13.5, 13.5]
    assert client.counts() == {"misses": 1, "hits": 2, "encoded": 2, "renewed": 1}


@pytest.mark.parametrize(
    "blob", [b"2|3.5", b"", b"\xff" * 100], ids=["another version's", "empty", "rubbish"]
)
def test_a_poisoned_cache_is_mended(target: Target, make: MakeClient, blob: bytes) -> None:
    cache = Recorder()
    client = make(target.grpc_address, [cache])
    assert score(client) == 13.5
    cache.put(cache.keys[0], CachedState(blob, 0))
    assert score(client) == 13.5
    mended = cache.get(cache.keys[0])
    assert mended is not None and mended.blob == b"1|3.500000"
    assert client.counts() == {"misses": 1, "hits": 1, "encoded": 2, "renewed": 1}


def test_a_key_of_rubbish_in_redis_is_a_miss(
    target: Target, make: MakeClient, kind: Kind, redis_server: RedisServer
) -> None:
    client = make(target.grpc_address, [kind[1](redis_server.url)])
    assert score(client) == 13.5
    (key,) = redis_server.connect().keys()
    redis_server.connect().setrange(key, 30, b"x")
    assert score(client) == 13.5
    assert client.counts() == {"misses": 2, "encoded": 2}
    assert score(client) == 13.5
    assert client.counts()["hits"] == 1


@pytest.mark.parametrize("fault", ["killed", "stalled"])
def test_redis_fails_amid_traffic(
    target: Target, make: MakeClient, kind: Kind, redis_server: RedisServer, fault: str
) -> None:
    """Every score is right.

    While Redis is away states are made anew; when it is back they are found again.
    """
    cache = kind[1](
        redis_server.url, timeout_seconds=0.2, breaker=CircuitBreaker(2, pause_seconds=0.2)
    )
    client = make(target.grpc_address, [cache])
    wrong: list[float] = []
    asked = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            asked.append(score(client))
            wrong.extend(value for value in asked[-1:] if value != 13.5)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    break_it, mend_it = {
        "killed": (redis_server.kill, redis_server.start),
        "stalled": (redis_server.stall, redis_server.go_on),
    }[fault]
    wait_for_more(client, "hits", 20)
    break_it()
    wait_for_more(client, "misses", 20)
    mend_it()
    wait_for_more(client, "hits", 20)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(asked) == client.counts()["hits"] + client.counts()["misses"]
    assert cache.breaker.skipped_requests > 0


def wait_for_more(client: Client, name: str, count: int, timeout_seconds: float = 120) -> None:
    before = client.counts().get(name, 0)
    deadline = time.monotonic() + timeout_seconds
    while client.counts().get(name, 0) < before + count:
        assert time.monotonic() < deadline, f"{name} stopped rising"
        time.sleep(0.01)


def test_threads_that_miss_together_encode_once(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RankingClient(
        target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, caches=[LruCache()]
    ) as client:
        client.wait_until_ready(TIMEOUT_SECONDS)
        slow_down_encoding(client, monkeypatch, lambda: _wait_for_misses(client, 10))
        found = []
        threads = [threading.Thread(target=lambda: found.append(score(client))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [13.5] * 10
        assert client.counts() == {"misses": 10, "encoded": 1}


def _wait_for_misses(client: Client, count: int) -> None:
    wait_for_more(client, "misses", count - client.counts().get("misses", 0))
    time.sleep(0.1)  # who has missed is about to wait for the state


def slow_down_encoding(
    client: Client | AsyncRankingClient,
    monkeypatch: pytest.MonkeyPatch,
    wait: Callable[[], Awaitable[object] | None],
) -> None:
    encode = client._ranking.states.encode

    async def slowly(users: Any, deadline: Deadline) -> UserState:
        waiting = wait()
        if waiting is not None:
            await waiting
        return await encode(users, deadline)

    monkeypatch.setattr(client._ranking.states, "encode", slowly)


@pytest.fixture
def run_async(target: Target, monkeypatch: pytest.MonkeyPatch) -> RunAsync:
    """Runs a coroutine function with a cached AsyncRankingClient.

    Its other argument is the event that the client's encoding waits for.
    """

    def run(function: Callable[[AsyncRankingClient, asyncio.Event], Awaitable[Any]]) -> Any:
        async def with_client() -> Any:
            async with AsyncRankingClient(
                target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, caches=[LruCache()]
            ) as client:
                await client.wait_until_ready(TIMEOUT_SECONDS)
                gate = asyncio.Event()
                slow_down_encoding(client, monkeypatch, gate.wait)
                return await function(client, gate)

        return asyncio.run(with_client())

    return run


async def misses(client: AsyncRankingClient, count: int) -> None:
    """Waits until that many have missed, and now wait for the state."""
    while client.counts().get("misses", 0) < count:
        await asyncio.sleep(0.01)


def test_tasks_that_miss_together_encode_once(run_async: RunAsync) -> None:
    async def together(client: AsyncRankingClient, gate: asyncio.Event) -> Any:
        tasks = [asyncio.create_task(client.rank(ANNA, ["1"], by="click")) for _ in range(10)]
        await misses(client, 10)
        gate.set()
        return await asyncio.gather(*tasks), client.counts()

    ranked, counts = run_async(together)
    assert ranked == [[("1", {"click": 13.5, "order": 6.75})]] * 10
    assert counts == {"misses": 10, "encoded": 1}


@pytest.mark.parametrize("how", ["out of time", "cancelled"])
def test_who_waits_for_another_does_not_share_its_haste(run_async: RunAsync, how: str) -> None:
    async def hasty_then_patient(client: AsyncRankingClient, gate: asyncio.Event) -> Any:
        budget = 0.5 if how == "out of time" else TIMEOUT_SECONDS
        hasty = asyncio.create_task(client.rank(ANNA, ["1"], by="click", timeout_seconds=budget))
        await misses(client, 1)
        patient = asyncio.create_task(client.rank(ANNA, ["1"], by="click"))
        await misses(client, 2)
        if how == "cancelled":
            hasty.cancel()
        else:
            await asyncio.sleep(budget)
        gate.set()
        return await asyncio.gather(hasty, patient, return_exceptions=True)

    hasty, patient = run_async(hasty_then_patient)
    assert isinstance(hasty, (RankingError, asyncio.CancelledError))
    assert patient == [("1", {"click": 13.5, "order": 6.75})]


def test_who_waits_for_another_keeps_its_own_deadline(run_async: RunAsync) -> None:
    async def patient_then_hasty(client: AsyncRankingClient, gate: asyncio.Event) -> Any:
        patient = asyncio.create_task(client.rank(ANNA, ["1"], by="click"))
        await misses(client, 1)
        with pytest.raises(RankingError, match="another caller's encode_user: DEADLINE_EXCEEDED"):
            await client.rank(ANNA, ["1"], by="click", timeout_seconds=0.5)
        gate.set()
        return await patient

    assert run_async(patient_then_hasty) == [("1", {"click": 13.5, "order": 6.75})]


def test_an_error_is_shared(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whom the model refuses is refused for all, and nothing of it stays behind."""
    with RankingClient(
        target.grpc_address, toy_ranker.NAME, TIMEOUT_SECONDS, caches=[LruCache()]
    ) as client:
        for _ in range(2):
            with pytest.raises(RankingError, match="INVALID_ARGUMENT: StringToNumber"):
                score(client, ANNA | {"user_id": "no number"})
        assert client._ranking.states._flights._flights == {}
