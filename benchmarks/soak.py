"""Keeps a served ranker under steady load and watches its memory.

    make soak-serving                 # ten minutes
    make soak-serving DURATION=3600

The model is that of benchmarks/serving.py. First it measures what the machine can do, by asking for
more; then it asks for 70 % of that and samples the server's resident memory each second. Prints a
table, and as its last line one JSON object: failures must be empty, and memory flat. The slope is
that of a line fitted to the last two thirds of the samples, for the first requests fill allocators
and caches.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console

from benchmarks import random_model
from benchmarks.server_process import running_server
from serving.client import LruCache, RankingClient
from serving.contract import DEFAULT_MODEL_NAME
from serving.loadtest import report
from serving.loadtest.outcomes import Outcomes
from serving.loadtest.plan import LoadPlan
from serving.loadtest.runner import run
from serving.loadtest.traffic import RecordedTraffic

_LOAD = 0.7
_CAPACITY_SECONDS = 20.0
_MIX = {10: 0.2, 100: 0.75, 1000: 0.05}


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_model.export_versions(random_model.stage_inputs(folder / "data"), folder / "models")
        with running_server(folder / "models", folder / "server.log") as server:
            soak(server.address, server.pid, arguments.seconds)


def soak(address: str, pid: int, seconds: float) -> None:
    """Measures capacity, then soaks, then prints."""
    console = Console()
    traffic = _traffic()
    # Asked for more than it can, a server answers as much as it can.
    more_than_it_can = LoadPlan(
        rate=1000, seconds=_CAPACITY_SECONDS, candidates=_MIX, concurrency=8, timeout_seconds=5
    )
    flood = _load(address, more_than_it_can, traffic)
    capacity = flood.summary()["answered_a_second"]
    console.print(
        f"Capacity: {capacity:.1f} requests a second; soaking at {_LOAD:.0%} for {seconds:g} s"
    )
    plan = LoadPlan(rate=_LOAD * capacity, seconds=seconds, candidates=_MIX, timeout_seconds=5)
    with MemorySampler(pid) as memory:
        outcomes = _load(address, plan, traffic)
    console.print(report.table(plan, outcomes))
    found = {"capacity": capacity, "rate": plan.rate} | outcomes.summary()
    print(json.dumps(found | {"memory": memory.summary()}))


def _load(address: str, plan: LoadPlan, traffic: RecordedTraffic) -> Outcomes:
    caches = [LruCache(max_bytes=plan.cache_mib * 2**20)]
    with RankingClient(
        address, DEFAULT_MODEL_NAME, timeout_seconds=plan.timeout_seconds, caches=caches
    ) as client:
        client.rank(traffic.user(0), ["i1"], by="click")  # connects
        return run(client, plan, traffic, by="click")


def _traffic() -> RecordedTraffic:
    rng = np.random.default_rng(1)
    users = random_model.random_users(rng, 1000)
    items = [f"i{item}" for item in range(random_model.ITEMS)]
    return RecordedTraffic(users, items)


class MemorySampler:
    """Samples a process's resident memory each second while a block runs.

    Args:
        pid: The process.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._samples: list[tuple[float, float]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def summary(self) -> dict[str, Any]:
        """MiB at the start, at the end and at most, and the slope in MiB a minute."""
        seconds, mebibytes = np.array(self._samples).T
        later = seconds >= seconds[-1] / 3
        slope = float("nan")
        if later.sum() > 2:
            slope = np.polyfit(seconds[later], mebibytes[later], 1)[0]
        return {
            "samples": len(seconds),
            "first_mib": round(float(mebibytes[0]), 1),
            "last_mib": round(float(mebibytes[-1]), 1),
            "most_mib": round(float(mebibytes.max()), 1),
            "slope_mib_a_minute": round(60 * float(slope), 3),
        }

    def __enter__(self) -> MemorySampler:
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            resident = self._process.memory_info().rss / 2**20
            self._samples.append((time.monotonic() - self._start, resident))
            if self._done.wait(1.0):
                return


if __name__ == "__main__":
    main()
