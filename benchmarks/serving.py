"""Times a served ranker's signatures, against each other and against unfolded DIN + MMoE.

    make bench-serving

The ranker has random weights, two encoder layers of width 64, histories of 200 behaviours as wide,
four experts and two tasks; benchmarks/random_model.py exports it. One server process and one client
share the machine. Requests of all kinds are sent one after the other, in random order within a
round, so that whatever else the machine does hits all kinds alike. Throughput ratios compare
medians. Prints a table, and as its last line one JSON object:

    cached_vs_tiled         throughput of `score_items` with a cached state, 100 candidates, over
                            that of tiled scoring
    cached_vs_predict_100   the same over that of `predict`, which encodes the user in every request
    cached_vs_predict_10    the same with 10 candidates
    p99_vs_din              99th percentile of `score_items`, 100 candidates, over that of unfolded
                            DIN + MMoE
    time_1000_vs_100        time of `score_items` with 1,000 candidates over that with 100
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import random_model
from benchmarks.server_process import running_server
from benchmarks.signatures import inputs_left
from benchmarks.wire import Wire
from serving import contract
from serving.contract import DEFAULT_MODEL_NAME
from serving.inputs import candidate_tensors, user_tensors

Scores = dict[str, np.ndarray]
Request = Callable[[], Scores]

_USERS = 16
_LARGEST_DIFFERENCE = 1e-3  # of probabilities: states are float16


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=400, help="requests of each kind")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_model.export_versions(random_model.stage_inputs(folder / "data"), folder / "models")
        with running_server(folder / "models", folder / "server.log") as server:
            seconds, state_bytes = measure(server.address, arguments.rounds, arguments.seed)
    report(seconds, state_bytes)


def measure(address: str, rounds: int, seed: int) -> tuple[dict[str, np.ndarray], int]:
    """Seconds of each request by kind, and the bytes of a user state."""
    rng = np.random.default_rng(seed)
    order = random.Random(seed)
    with contextlib.closing(Wire(address, DEFAULT_MODEL_NAME)) as wire:
        kinds = _Kinds(wire, rng)
        kinds.check()
        for _ in range(10):  # to warm up
            _round(kinds, order)
        seconds: dict[str, list[float]] = {}
        for _ in range(rounds):
            for kind, taken in _round(kinds, order).items():
                seconds.setdefault(kind, []).append(taken)
    arrays = {kind: np.array(values) for kind, values in seconds.items()}
    return arrays, kinds.state_bytes


def _round(kinds: _Kinds, order: random.Random) -> dict[str, float]:
    requests = list(kinds.requests().items())
    seconds = {}
    order.shuffle(requests)
    for kind, send in requests:
        start = time.perf_counter()
        send()
        seconds[kind] = time.perf_counter() - start
    return seconds


class _Kinds:
    """Makes requests of each kind about random users and candidates.

    Their messages are made before they are timed.
    """

    def __init__(self, wire: Wire, rng: np.random.Generator) -> None:
        self._wire = wire
        self._rng = rng
        self._infos = wire.inputs()
        self._users: list[dict[str, np.ndarray]] = []
        for _ in range(_USERS):
            user = random_model.random_user(rng)
            self._users.append(user_tensors([user], self._infos[contract.ENCODE_USER]))
        self._states = [self._run(contract.ENCODE_USER, user)() for user in self._users]
        self.state_bytes = len(self._states[0][contract.USER_STATE][0])

    def requests(self) -> dict[str, Request]:
        """One request of each kind, all about one user."""
        number = int(self._rng.integers(_USERS))
        user = self._users[number]
        state = self._states[number]
        kinds: dict[str, Request] = {"encode_user": self._run(contract.ENCODE_USER, user)}
        for count in (10, 100, 1000):
            kinds[f"score_items_{count}"] = self._scoring(contract.SCORE_ITEMS, state, count)
            if count < 1000:
                kinds[f"predict_{count}"] = self._scoring(contract.PREDICT, user, count)
        kinds["tiled_100"] = self._scoring(random_model.TILED, user, 100)
        kinds["unfolded_din_100"] = self._scoring(random_model.UNFOLDED_DIN, user, 100)
        return kinds

    def check(self) -> None:
        """Raises RuntimeError unless the three ways of scoring agree."""
        user = self._users[0]
        state = self._states[0]
        items = random_model.random_items(self._rng, 100)
        cached = self._scoring(contract.SCORE_ITEMS, state, 100, items)()
        worst = 0.0
        for signature in (contract.PREDICT, random_model.TILED):
            other = self._scoring(signature, user, 100, items)()
            for task in cached:
                worst = max(worst, float(abs(other[task] - cached[task]).max()))
        if worst > _LARGEST_DIFFERENCE:
            raise RuntimeError(f"score_items, predict and tiled scoring differ by {worst}")

    def _scoring(
        self,
        signature: str,
        side: dict[str, np.ndarray],
        count: int,
        items: list[str] | None = None,
    ) -> Request:
        infos = inputs_left(self._infos[signature], side)
        columns = {contract.CANDIDATE_ITEM_ID: items or random_model.random_items(self._rng, count)}
        return self._run(signature, side | candidate_tensors(columns, infos, 1))

    def _run(self, signature: str, tensors: dict[str, np.ndarray]) -> Request:
        request = self._wire.request(signature, tensors)
        return lambda: self._wire.run(request)


def report(seconds: dict[str, np.ndarray], state_bytes: int) -> None:
    """Prints the table and the JSON object."""
    console = Console()
    table = Table("request", "median ms", "p99 ms", "requests/s")
    raw: dict[str, Any] = {}
    for kind, values in seconds.items():
        median = 1e3 * float(np.quantile(values, 0.5))
        p99 = 1e3 * float(np.quantile(values, 0.99))
        raw[kind] = {"median_ms": round(median, 3), "p99_ms": round(p99, 3), "samples": len(values)}
        table.add_row(kind, f"{median:.2f}", f"{p99:.2f}", f"{1e3 / median:.0f}")
    console.print(table)
    ratio = _ratios(raw)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    print(json.dumps(ratio | {"state_bytes": state_bytes, "machine": machine, "raw": raw}))


def _ratios(raw: dict[str, Any]) -> dict[str, float]:
    median = {kind: figures["median_ms"] for kind, figures in raw.items()}
    ratios = {
        "cached_vs_tiled": median["tiled_100"] / median["score_items_100"],
        "cached_vs_predict_100": median["predict_100"] / median["score_items_100"],
        "cached_vs_predict_10": median["predict_10"] / median["score_items_10"],
        "p99_vs_din": raw["score_items_100"]["p99_ms"] / raw["unfolded_din_100"]["p99_ms"],
        "time_1000_vs_100": median["score_items_1000"] / median["score_items_100"],
    }
    return {name: round(value, 3) for name, value in ratios.items()}


if __name__ == "__main__":
    main()
