"""What load to put on a server, and the schedule of requests that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pydantic

from preprocessing.config import Config


class LoadPlan(Config):
    """A load test. The same plan gives the same schedule.

    Example:
        plan = LoadPlan(rate=100, seconds=60, candidates={100: 0.9, 1000: 0.1})
        with RankingClient("localhost:8500", timeout_seconds=plan.timeout_seconds) as client:
            outcomes = run(client, plan, RecordedTraffic(users, items))

    Attributes:
        rate: Mean requests a second; arrivals are a Poisson process.
        seconds: How long requests keep arriving.
        candidates: Number of candidates -> its share of the requests.
        users: How many different users ask.
        popularity: Exponent s of the users' popularity, rank ** -s; 0 makes all alike.
        cache_mib: Size of the client's in-process cache of user states; 0 encodes the user in every
            request.
        concurrency: The most requests under way at once; one that finds no place waits, and its
            wait counts.
        timeout_seconds: Deadline of each request.
        seed: Of arrivals, users and candidates.
    """

    rate: float = pydantic.Field(50.0, gt=0)
    seconds: float = pydantic.Field(30.0, gt=0, le=86_400)
    candidates: Mapping[int, float] = {10: 0.2, 100: 0.7, 1000: 0.1}
    users: int = pydantic.Field(1000, ge=1)
    popularity: float = pydantic.Field(1.0, ge=0)
    cache_mib: int = pydantic.Field(64, ge=0)
    concurrency: int = pydantic.Field(32, ge=1, le=1024)
    timeout_seconds: float = pydantic.Field(1.0, gt=0)
    seed: int = 1

    @pydantic.field_validator("candidates")
    @classmethod
    def _check_shares(cls, candidates: Mapping[int, float]) -> Mapping[int, float]:
        shares = candidates.values()
        if not candidates or min(candidates) < 1 or min(shares) < 0 or not sum(shares):
            raise ValueError(
                "candidates needs counts of at least 1 and shares above 0. Received: "
                f"{dict(candidates)}"
            )
        return candidates


class Schedule(NamedTuple):
    """One entry per request.

    Attributes:
        due: Seconds after the start.
        user: The number of the user who asks.
        candidates: How many items are ranked.
    """

    due: np.ndarray
    user: np.ndarray
    candidates: np.ndarray


def schedule(plan: LoadPlan) -> Schedule:
    """The requests of a plan, in order of time."""
    rng = np.random.default_rng(plan.seed)
    count = rng.poisson(plan.rate * plan.seconds)
    popularity = np.arange(1, plan.users + 1, dtype=float) ** -plan.popularity
    shares = np.array(list(plan.candidates.values()), float)
    return Schedule(
        # A Poisson process, given its number of arrivals.
        due=np.sort(rng.uniform(0, plan.seconds, count)),
        user=rng.choice(plan.users, count, p=popularity / popularity.sum()),
        candidates=rng.choice(list(plan.candidates), count, p=shares / shares.sum()),
    )
