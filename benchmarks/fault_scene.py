"""A model server, Redis and their clients, and what is done to them while each score is checked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.checked_clients import HALF_COPIED, CheckedClients
from benchmarks.reference_scores import ReferenceScores
from benchmarks.server_process import ServerProcess
from tests.serving.redis_server import RedisServer


class FaultScene:
    """Rolls versions, breaks things in turn, and counts how clients fare.

    Args:
        folder: Where the model directory and the server's log go.
        reference: The right scores; versions take turns among its models.
        seconds: How long clients rank, without what the restart takes.
        roll_seconds: Seconds between versions.
        log: Told what is done and when.
    """

    def __init__(
        self,
        folder: Path,
        reference: ReferenceScores,
        seconds: float,
        roll_seconds: float = 10.0,
        log: Callable[[str], None] = print,
    ) -> None:
        self._models = folder / "models"
        self._reference = reference
        self._models.mkdir()
        self._seconds = seconds
        self._roll_seconds = roll_seconds
        self._log = log
        self._version = 0
        self._server = ServerProcess(self._models, folder / "server.log", ("--num_versions", "2"))
        self._redis = RedisServer()
        self._away = 0.0, 0.0  # from when to when the server was; monotonic seconds

    def play(self, clients: int, seed: int) -> dict[str, Any]:
        """Runs the load and the faults; returns the counts."""
        try:
            self._roll()
            self._server.start()
            with CheckedClients(
                self._server.address, self._redis.url, self._reference, clients, seed
            ) as checked:
                self._break_things()
            return checked.counts(self._away) | {
                "versions": self._version,
                "seconds": self._seconds,
            }
        finally:
            self._server.stop()
            self._redis.kill()

    def _break_things(self) -> None:
        start = time.monotonic()
        seconds = self._seconds
        plan = [
            (0.15, self._copy_half),
            (0.3, self._redis.kill),
            (0.45, self._redis.start),
            (0.6, self._restart),
        ]
        steps = [(share * seconds, fault) for share, fault in plan]
        for due in np.arange(self._roll_seconds, seconds, self._roll_seconds):
            steps.append((due, self._roll))
        for due, fault in sorted(steps, key=lambda step: step[0]):
            time.sleep(max(start + due - time.monotonic(), 0.0))
            began = time.monotonic()
            self._log(f"{began - start:6.1f} s  {fault.__qualname__}")
            fault()
            # A restart that takes long doesn't bunch up what follows.
            start += time.monotonic() - began
        time.sleep(max(start + seconds - time.monotonic(), 0.0))

    def _roll(self) -> None:
        """Pushes the next version, complete at once."""
        model = self._reference.models[self._version % len(self._reference.models)]
        self._version += 1
        shutil.copytree(model, self._models / "incoming")
        (self._models / "incoming").rename(self._models / str(self._version))

    def _copy_half(self) -> None:
        """Leaves a version directory with the graph and half of the weights."""
        model = self._reference.models[0]
        half = self._models / str(HALF_COPIED)
        (half / "variables").mkdir(parents=True)
        shutil.copy(model / "saved_model.pb", half)
        shutil.copy(model / "variables" / "variables.index", half / "variables")
        data = next((model / "variables").glob("variables.data*"))
        (half / "variables" / data.name).write_bytes(data.read_bytes()[: data.stat().st_size // 2])

    def _restart(self) -> None:
        began = time.monotonic()
        self._server.stop()
        self._server.start()
        self._away = began, time.monotonic()
