"""Sends a schedule of requests through the client and times each one from the moment it was due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from serving.client import RankingClient, RankingError
from serving.loadtest.outcomes import NOT_SENT, OK, Outcomes
from serving.loadtest.plan import LoadPlan, Schedule, schedule
from serving.loadtest.traffic import Traffic


def run(client: RankingClient, plan: LoadPlan, traffic: Traffic, by: str | None = None) -> Outcomes:
    """Puts the planned load on the client's server.

    Latency counts from when a request was due, not from when a thread was free to send it, so that a server that
    stalls is charged for every request it held up. A request that hasn't left by `plan.seconds` plus the timeout is
    given up as NOT_SENT.

    Args:
        client: A new client, for its counts are taken from the start; its timeout is the deadline of each request.
        plan: How many requests of which kind, and when.
        traffic: Their users and items.
        by: The task to rank by, if the model has several.
    """
    due = schedule(plan)
    users = {number: traffic.user(number) for number in np.unique(due.user).tolist()}
    items = traffic.items(np.random.default_rng(plan.seed), 10 * max(plan.candidates))

    def send(number: int) -> None:
        count = int(due.candidates[number])
        first = number * 7 % (len(items) - count)
        client.rank(users[int(due.user[number])], items[first : first + count], top=1, by=by)

    sender = _Sender(send, due, plan.seconds + plan.timeout_seconds)
    elapsed = sender.run(plan.concurrency)
    return Outcomes(due, sender.seconds, sender.status, elapsed, client.counts())


class _Sender:
    """Sends each request when it is due, or as soon after as a thread is free."""

    def __init__(self, send: Callable[[int], None], due: Schedule, give_up_after: float) -> None:
        self._send, self._due, self._give_up_after = send, due.due, give_up_after
        self._numbers, self._lock = iter(range(len(due.due))), threading.Lock()
        self.seconds, self.status = np.zeros(len(due.due)), np.full(len(due.due), NOT_SENT, object)

    def run(self, concurrency: int) -> float:
        """Sends all; returns the seconds from the start to the last answer."""
        self._start = time.perf_counter()
        with ThreadPoolExecutor(concurrency, thread_name_prefix="loadtest") as pool:
            for worker in [pool.submit(self._work) for _ in range(concurrency)]:
                worker.result()
        return self._now()

    def _work(self) -> None:
        while (number := self._take()) is not None:
            time.sleep(max(self._due[number] - self._now(), 0.0))
            if self._now() < self._give_up_after:
                self.status[number] = self._outcome(number)
                self.seconds[number] = self._now() - self._due[number]

    def _take(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _outcome(self, number: int) -> str:
        try:
            self._send(number)
        except RankingError as error:
            return str(error.code.name)
        return OK

    def _now(self) -> float:
        return time.perf_counter() - self._start
