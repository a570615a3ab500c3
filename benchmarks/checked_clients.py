"""Clients that rank all the time, each in a thread, and check every score."""

from __future__ import annotations

import collections
import random
import threading
import time
from types import TracebackType
from typing import Any, NamedTuple

import grpc
import numpy as np

from benchmarks.reference_scores import ReferenceScores
from serving.client import (
    ChannelOptions,
    Freshness,
    LruCache,
    RankingClient,
    RankingError,
    UserState,
)
from serving.contract import DEFAULT_MODEL_NAME
from serving.redis_cache import RedisCache

HALF_COPIED = 900  # a version later than any other, that must never score

_TIMEOUT_SECONDS = 3.0
_SLACK_SECONDS = 0.5
_PAUSE_SECONDS = 0.02
_LONG_PAUSE_SECONDS = 0.2
_NEVER_SECONDS = 1e9

_COUNTED = (
    "right",
    "wrong",
    "old_state_right",
    "old_state_wrong",
    "old_state_refused",
    "half_copied_served",
    "renewed",
    "redis_failures",
)


class _Failure(NamedTuple):
    code: grpc.StatusCode
    details: str
    began: float  # monotonic seconds
    ended: float


class CheckedClients:
    """Several clients that share a Redis, every other one with an in-process cache before it.

    The first never asks for a new version by itself: its states are of a version that the server
    has given up, and it must notice by being refused. One further client keeps a state of each
    version and goes on scoring with all of them. While the server is away requests wait for it;
    they may fail by their deadline, and in no other way.

    Args:
        address: The model server's gRPC address.
        redis_url: The Redis that they share.
        reference: The right scores.
        clients: How many rank.
        seed: Of who ranks what.
    """

    def __init__(
        self, address: str, redis_url: str, reference: ReferenceScores, clients: int, seed: int
    ) -> None:
        self._address = address
        self._redis_url = redis_url
        self._reference = reference
        self._counts: collections.Counter[str] = collections.Counter()
        self._failures: list[_Failure] = []
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        for number in range(clients):
            self._threads.append(threading.Thread(target=self._rank, args=(seed, number)))
        self._threads.append(threading.Thread(target=self._score_with_old_states))

    def counts(self, away: tuple[float, float]) -> dict[str, Any]:
        """What happened, once it is over.

        Args:
            away: From when to when the server was away, in monotonic seconds.
        """
        gone, back = away
        while_away = 0
        at_other_times = 0
        failed: list[str] = []
        for failure in self._failures:
            if not _by_deadline(failure):
                failed.append(f"{failure.code.name}: {failure.details}")
            elif failure.began < back and failure.ended > gone:
                while_away += 1
            else:
                at_other_times += 1
        counts: dict[str, Any] = {name: self._counts[name] for name in _COUNTED}
        return counts | {
            "out_of_time": at_other_times,
            "out_of_time_while_away": while_away,
            "failed": len(failed),
            "failures": sorted(set(failed)),
        }

    def __enter__(self) -> CheckedClients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _rank(self, seed: int, number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        redis = RedisCache(self._redis_url)
        caches = [redis] if number % 2 else [LruCache(), redis]
        freshness = Freshness(version_seconds=1.0 if number else _NEVER_SECONDS)
        with self._client(caches, freshness) as client:
            while not self._done.wait(_PAUSE_SECONDS):
                user = rng.randrange(len(self._reference.users))
                items = rng.randrange(len(self._reference.lists))
                self._rank_once(client, user, items)
            self._add("renewed", client.counts().get("renewed", 0))
        self._add("redis_failures", redis.breaker.failed_requests)
        redis.close()

    def _rank_once(self, client: RankingClient, user: int, items: int) -> None:
        began = time.monotonic()
        candidates = self._reference.lists[items]
        task = self._reference.task
        try:
            ranked = client.rank(self._reference.users[user], candidates, by=task)
        except RankingError as error:
            self._failed(error, began)
            return
        scores_of = dict(ranked)
        found = np.array([scores_of[item][task] for item in candidates])
        self._add("right" if self._reference.matches(user, items, found) else "wrong")

    def _score_with_old_states(self) -> None:
        kept: dict[int, UserState] = {}
        with self._client([], Freshness()) as client:
            while not self._done.wait(_LONG_PAUSE_SECONDS):
                began = time.monotonic()
                try:
                    state = client.encode_user(self._reference.users[0])
                except RankingError as error:
                    self._failed(error, began)
                    continue
                self._add("half_copied_served", state.version == HALF_COPIED)
                kept.setdefault(state.version, state)
                for old in kept.values():
                    self._score_with(client, old)

    def _score_with(self, client: RankingClient, state: UserState) -> None:
        began = time.monotonic()
        try:
            scores = client.score_items(state, self._reference.lists[0])[self._reference.task][0]
        except RankingError as error:
            if error.code == grpc.StatusCode.NOT_FOUND:
                self._add("old_state_refused")
            else:
                self._failed(error, began)
            return
        model = (state.version - 1) % len(self._reference.models)  # versions take turns
        is_right = self._reference.matches(0, 0, scores, model)
        self._add("old_state_right" if is_right else "old_state_wrong")

    def _client(self, caches: list[Any], freshness: Freshness) -> RankingClient:
        channel = ChannelOptions(wait_for_ready=True)
        return RankingClient(
            self._address, DEFAULT_MODEL_NAME, _TIMEOUT_SECONDS, channel, caches, freshness
        )

    def _failed(self, error: RankingError, began: float) -> None:
        with self._lock:
            self._failures.append(_Failure(error.code, error.details, began, time.monotonic()))

    def _add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counts[name] += count


def _by_deadline(failure: _Failure) -> bool:
    in_time = failure.ended - failure.began < _TIMEOUT_SECONDS + _SLACK_SECONDS
    return failure.code == grpc.StatusCode.DEADLINE_EXCEEDED and in_time
