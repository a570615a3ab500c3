"""Keys, envelopes, and the caches without a server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from serving.cache import CachedState, dump, load, request_time, state_key
from serving.circuit_breaker import CircuitBreaker
from serving.contract import Description
from serving.lru_cache import LruCache

DESCRIPTION = Description(
    max_candidates=10,
    max_history=10,
    history_length=3,
    tasks=("click",),
    state_identity="abc",
    state_dtype="int8",
    user_inputs=("user_id", "user_age"),
    context_inputs=("timestamp", "context_device"),
    history_inputs=("history_item_id", "history_rating"),
)
STATE = CachedState(b"blob \0 \xff", 1_700_000_000)


def inputs(**changes: Any) -> dict[str, np.ndarray]:
    content = {
        "user_id": ["u"],
        "user_age": [7.0],
        "timestamp": [100],
        "context_device": ["phone"],
        "history_item_id": [["a", "b"]],
        "history_rating": [[1.0, 2.0]],
    }
    arrays = {name: np.array(value) for name, value in (content | changes).items()}
    return {
        name: x.astype("S").astype(object) if x.dtype.kind == "U" else x
        for name, x in arrays.items()
    }


def key(ignored: Sequence[str] = (), model: str = "m", version: int = 1, **changes: Any) -> str:
    return str(state_key(model, version, DESCRIPTION, inputs(**changes), ignored))


def test_key_names_all_a_state_depends_on() -> None:
    assert key().startswith("srp4ctr/m/1/abc/u/")
    different = {
        key(model="n"),
        key(version=2),
        key(user_id=["v"]),
        key(user_age=[8.0]),
        key(context_device=["desktop"]),
        key(history_item_id=[["a", "c"]]),
        key(history_item_id=[["b", "a"]]),
        key(history_item_id=[["ab", "b"]]),
        key(history_rating=[[1.0, 3.0]]),
        key(history_item_id=[["a", "b", "c"]], history_rating=[[1.0, 2.0, 3.0]]),
        key(history_item_id=[["b"]], history_rating=[[2.0]]),
        key(history_item_id=[[""]], history_rating=[[2.0]]),
    }
    assert len(different) == 12
    assert key() not in different


def test_key_passes_over_what_changes_no_state() -> None:
    assert key(timestamp=[999]) == key()
    assert key(ignored=["context_device"], context_device=["desktop"]) == key(
        ignored=["context_device"]
    )
    padded: dict[str, Any] = {
        "history_item_id": [["", "a", "b", ""]],
        "history_rating": [[9.0, 1.0, 2.0, 9.0]],
    }
    assert key(**padded) == key()
    longer: dict[str, Any] = {
        "history_item_id": [["x", "y", "a", "b", "c"]],
        "history_rating": [[0.0, 0.0, 1.0, 2.0, 3.0]],
    }
    assert key(**longer) == key(history_item_id=[["a", "b", "c"]], history_rating=[[1.0, 2.0, 3.0]])


def test_keys_of_odd_names_do_not_collide() -> None:
    assert len({key(user_id=["a/b"]), key(user_id=["a%2Fb"]), key(model="m/1", user_id=["b"])}) == 3


def test_words_do_not_run_together() -> None:
    first: dict[str, Any] = {"history_item_id": [["a", "bc"]]}
    assert key(**first) != key(history_item_id=[["ab", "c"]])


def test_request_time() -> None:
    assert request_time(inputs()) == 100
    assert request_time({"user_id": np.array([b"u"], object)}) == 0


@pytest.mark.parametrize("state", [STATE, CachedState(b"", 0), CachedState(bytes(100_000), -5)])
def test_envelopes_round_trip(state: CachedState) -> None:
    assert load(dump(state)) == state


def test_damaged_envelopes_are_found() -> None:
    good = dump(STATE)
    for place in range(len(good)):
        broken = bytearray(good)
        broken[place] ^= 1
        assert load(bytes(broken)) is None
        assert load(good[:place]) is None
    assert load(good + b"\0") is None
    assert load(b"not an envelope at all, but long enough") is None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lru_forgets_what_was_not_used_for_longest() -> None:
    cache = LruCache(max_bytes=3 * (1000 + 300 + 1))
    big = CachedState(bytes(1000), 0)
    for name in "abc":
        cache.put(name, big)
    assert cache.get("a") == big
    cache.put("d", big)
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    cache.put("e", CachedState(bytes(2000), 0))
    assert [name for name in "abcde" if cache.get(name)] == ["d", "e"]
    assert cache.bytes <= 3 * 1301


def test_lru_keeps_nothing_larger_than_itself() -> None:
    cache = LruCache(max_bytes=1000)
    cache.put("a", CachedState(bytes(5000), 0))
    assert cache.get("a") is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_lru_forgets_after_a_time() -> None:
    clock = Clock()
    cache = LruCache(ttl_seconds=10, clock=clock)
    cache.put("a", STATE)
    clock.now = 9.9
    assert cache.get("a") == STATE
    clock.now = 10
    assert cache.get("a") is None
    assert cache.bytes == 0


def test_lru_replaces_and_deletes() -> None:
    cache = LruCache()
    cache.put("a", STATE)
    size = cache.bytes
    cache.put("a", CachedState(STATE.blob, 1))
    found = cache.get("a")
    assert found is not None and found.made_for == 1
    assert cache.bytes == size
    cache.delete("a")
    cache.delete("a")
    assert (cache.get("a"), cache.bytes) == (None, 0)


def test_lru_counts_right_under_threads() -> None:
    cache = LruCache(max_bytes=20_000)

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for number in rng.integers(0, 50, 3000):
            act = [cache.put, lambda k, _: cache.get(k), lambda k, _: cache.delete(k)][number % 3]
            act(str(rng.integers(0, 50)), CachedState(bytes(int(number) * 20), 0))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < cache.bytes <= 20_000
    for name in range(50):
        cache.delete(str(name))
    assert (len(cache), cache.bytes) == (0, 0)


@pytest.mark.parametrize("options", [{"max_bytes": 0}, {"ttl_seconds": 0}])
def test_lru_needs_room_and_time(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Both must be positive"):
        LruCache(**options)


def test_breaker_opens_after_failures_in_a_row_and_tries_once_a_pause() -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=3, pause_seconds=1, clock=clock)
    for outcome in (
        breaker.failed,
        breaker.failed,
        breaker.succeeded,
        breaker.failed,
        breaker.failed,
    ):
        assert breaker.allows()
        outcome()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    clock.now = 1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    clock.now = 2.5  # nobody told how the try ended
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert all(breaker.allows() for _ in range(3))
    assert (breaker.failed_requests, breaker.skipped_requests) == (5, 5)
