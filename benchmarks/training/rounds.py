"""Sides of a comparison, as processes that train in turns.

Nothing but the standard library is imported here: the rivals' environments read it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Refuses at once: DeepCTR asks for newer versions of itself, without a time limit.
_NOWHERE = "http://127.0.0.1:9"
_QUIET = {
    "HTTPS_PROXY": _NOWHERE,
    "HTTP_PROXY": _NOWHERE,
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def answer(train: Callable[[], int]) -> None:
    """A side's main loop: trains once to warm up, then once for every line that it reads.

    Args:
        train: Trains a round, and returns its candidates.
    """
    train()
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        candidates = train()
        speed = candidates / (time.perf_counter() - start)
        print(json.dumps({"candidates_a_second": speed}), flush=True)


def compare(
    commands: Mapping[str, Sequence[str]], rounds: int, log: Path
) -> dict[str, list[float]]:
    """Candidates per second of every side in every round.

    Args:
        commands: What starts each side.
        rounds: How often each side trains; sides take turns.
        log: Where their error output goes.
    """
    with contextlib.ExitStack() as stack:
        sides: dict[str, subprocess.Popen[str]] = {}
        for name, command in commands.items():
            sides[name] = stack.enter_context(_started(command, log))
        for name, side in sides.items():
            _heard(side, name, log)  # that it is ready
        speeds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, side in sides.items():
                print("train", file=side.stdin, flush=True)
                speeds[name].append(_heard(side, name, log)["candidates_a_second"])
    return speeds


def summary(speeds: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Median and range of each side."""
    found: dict[str, dict[str, float]] = {}
    for name, of_side in speeds.items():
        found[name] = {
            "median": round(statistics.median(of_side)),
            "least": round(min(of_side)),
            "most": round(max(of_side)),
        }
    return found


@contextlib.contextmanager
def _started(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("a") as errors:
        pipes: dict[str, Any] = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": errors,
        }
        process = subprocess.Popen(command, text=True, env=os.environ | _QUIET, **pipes)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _heard(side: subprocess.Popen[str], name: str, log: Path) -> dict[str, float]:
    """The next line that is a side's answer; libraries print lines of their own between them."""
    for line in side.stdout or ():
        if line.startswith("{"):
            heard: dict[str, float] = json.loads(line)
            return heard
    raise SystemExit(f"{name} stopped:\n{log.read_text()[-3000:]}")
