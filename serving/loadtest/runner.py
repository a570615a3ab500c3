"""Sends a schedule of requests through either client, timing each from when it was due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from serving.async_client import AsyncRankingClient
from serving.client import RankingClient, RankingError
from serving.io import BlockingIo
from serving.loadtest.outcomes import NOT_SENT, OK, Outcomes
from serving.loadtest.plan import LoadPlan, schedule
from serving.loadtest.traffic import Traffic


def run(client: RankingClient, plan: LoadPlan, traffic: Traffic, by: str | None = None) -> Outcomes:
    """Puts the planned load on the client's server, from a thread for each request under way.

    Latency counts from when a request was due, not from when there was a free place to send it
    from, so that a server that stalls is charged for every request it held up. A request that
    hasn't left by `plan.seconds` plus the timeout is given up as NOT_SENT.

    Args:
        client: A new client, for its counts are taken from the start; its timeout is the deadline
            of each request.
        plan: How many requests of which kind, and when.
        traffic: Their users and items.
        by: The task to rank by, if the model has several.
    """

    async def send(request: dict[str, Any]) -> None:
        client.rank(**request)

    async def sleep(seconds: float) -> None:
        time.sleep(seconds)

    load = _Load(plan, traffic, by, send, sleep)

    def work() -> None:
        BlockingIo.run(load.work())

    with ThreadPoolExecutor(plan.concurrency, thread_name_prefix="loadtest") as pool:
        workers = [pool.submit(work) for _ in range(plan.concurrency)]
        for worker in workers:
            worker.result()
    return load.outcomes(client.counts())


async def run_async(
    client: AsyncRankingClient, plan: LoadPlan, traffic: Traffic, by: str | None = None
) -> Outcomes:
    """As `run`, from one event loop."""

    async def send(request: dict[str, Any]) -> None:
        await client.rank(**request)

    load = _Load(plan, traffic, by, send, asyncio.sleep)
    workers = [load.work() for _ in range(plan.concurrency)]
    await asyncio.gather(*workers)
    return load.outcomes(client.counts())


class _Load:
    """The requests of a plan, and what became of them; `concurrency` workers send them."""

    def __init__(
        self,
        plan: LoadPlan,
        traffic: Traffic,
        by: str | None,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._schedule = schedule(plan)
        self._by = by
        self._send = send
        self._sleep = sleep
        self._users = {
            number: traffic.user(number) for number in np.unique(self._schedule.user).tolist()
        }
        # Drawn beforehand, as the users are: making them must not delay requests.
        self._items = traffic.items(np.random.default_rng(plan.seed), 10 * max(plan.candidates))
        self._give_up_after = plan.seconds + plan.timeout_seconds
        count = len(self._schedule.due)
        self._seconds = np.zeros(count)
        self._status = np.full(count, NOT_SENT, object)
        self._numbers = iter(range(count))
        self._start = time.perf_counter()

    async def work(self) -> None:
        """Sends requests until all are taken.

        Each leaves when it is due, or as soon after that as a worker is free.
        """
        for number in self._numbers:  # taking one is atomic
            # From when it was due: a server that stalls is charged for all that waited.
            due = self._schedule.due[number]
            await self._sleep(max(due - self._now(), 0.0))
            if self._now() < self._give_up_after:
                self._status[number] = await self._outcome(self._request(number))
                self._seconds[number] = self._now() - due

    def outcomes(self, counts: dict[str, int]) -> Outcomes:
        """Call it when all workers have finished."""
        return Outcomes(self._schedule, self._seconds, self._status, self._now(), counts)

    def _request(self, number: int) -> dict[str, Any]:
        count = int(self._schedule.candidates[number])
        # Neighbouring requests have different candidates, the same ones in every run.
        first = number * 7 % (len(self._items) - count)
        user = self._users[int(self._schedule.user[number])]
        candidates = self._items[first : first + count]
        return {"user": user, "candidates": candidates, "top": 1, "by": self._by}

    async def _outcome(self, request: dict[str, Any]) -> str:
        try:
            await self._send(request)
        except RankingError as error:
            return str(error.code.name)
        return OK

    def _now(self) -> float:
        return time.perf_counter() - self._start
