"""What came of a load test's requests, in numbers."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

import numpy as np

from serving.loadtest.plan import Schedule

OK = "OK"
NOT_SENT = "NOT_SENT"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """One entry per scheduled request.

    Attributes:
        schedule: The requests.
        seconds: From when each was due to its answer; 0 where it was never sent.
        status: gRPC status names: OK, or why it failed; NOT_SENT for those the concurrency bound
            left waiting.
        elapsed: Seconds from the start to the last answer.
        counts: The client's, of cached states: hits, misses and others.
    """

    schedule: Schedule
    seconds: np.ndarray
    status: np.ndarray
    elapsed: float
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def answered(self) -> np.ndarray:
        """Which requests were answered."""
        return self.status == OK

    @property
    def failures(self) -> dict[str, int]:
        """Status -> number of requests that failed with it."""
        return dict(collections.Counter(self.status[~self.answered].tolist()))

    @property
    def hit_ratio(self) -> float:
        """Share of the requests whose user's state was in the client's cache."""
        hits = self.counts.get("hits", 0)
        misses = self.counts.get("misses", 0)
        return hits / max(hits + misses, 1)

    def summary(self) -> dict[str, Any]:
        """Everything as one JSON object; latencies in milliseconds, of answered requests."""
        by_candidates: dict[str, dict[str, float]] = {}
        for count in sorted(set(self.schedule.candidates.tolist())):
            by_candidates[str(count)] = self._latencies_of(count)
        return {
            "requests": len(self.seconds),
            "answered": int(self.answered.sum()),
            "failures": self.failures,
            "answered_a_second": round(float(self.answered.sum()) / self.elapsed, 2),
            "hit_ratio": round(self.hit_ratio, 4),
            "latency_ms": _latencies(self.seconds[self.answered]),
            "latency_ms_by_candidates": by_candidates,
        }

    def _latencies_of(self, candidates: int) -> dict[str, float]:
        """Of the answered requests with so many candidates."""
        chosen = self.answered & (self.schedule.candidates == candidates)
        return _latencies(self.seconds[chosen])


def _latencies(seconds: np.ndarray) -> dict[str, float]:
    if not len(seconds):
        return {}
    found: dict[str, float] = {}
    for name, quantile in QUANTILES.items():
        milliseconds = 1e3 * float(np.quantile(seconds, quantile))
        found[name] = round(milliseconds, 3)
    return found
