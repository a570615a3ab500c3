"""The real command: killed in the middle, it goes on, and trains nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.conftest import SRP4CTR, SmallRun, srp4ctr

pytestmark = pytest.mark.slow

EXPERIMENT: dict[str, Any] = {
    "seeds": [1],
    "resamples": 20,
    "models": {
        "din": {"baseline": True, "trainer": {"ranker": {"model": "din"}}},
        "trees": {"counts": True},
        "ours": {"pretrained": True, "trainer": {"pretrain": {"epochs": 1}}},
    },
}


@pytest.fixture(scope="module")
def killed(small_run: SmallRun) -> Path:
    """The path of an experiment whose command was killed once its first training was done."""
    path = small_run.config_path.parent / "compare.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT | {"run": str(small_run.config_path)}))
    with subprocess.Popen([str(SRP4CTR), "experiment", str(path)]) as process:
        try:
            _wait_for(lambda: len(_results(path)) == 1 and len(_jobs(path)) == 2)
        finally:
            process.send_signal(signal.SIGKILL)
    _wait_for(lambda: not _workers(path))
    return path


def test_a_killed_experiment_goes_on(killed: Path) -> None:
    before = _results(killed)
    assert len(before) == 1, "it was not killed in the middle"
    published = killed.parent / "results.md"
    done = srp4ctr("experiment", killed, "--publish", published)
    assert done.returncode == 0, done.stdout + done.stderr
    after = _results(killed)
    assert len(after) == 4 and before.items() <= after.items(), "the finished training ran again"
    assert "rank ours, seed 1 (1 rankers left, about" in done.stdout
    text = published.read_text()
    assert all(f"| {name} | 1 |" in text for name in EXPERIMENT["models"]) and "commit" in text
    assert (killed.parent / "results" / "compare_buy.svg").is_file()
    found = json.loads((_root(killed) / "results.json").read_text())["tasks"]["buy"]
    assert found["best_baseline"] == "din" and set(found["models"]["ours"]["difference"]) > {
        "all",
        "known users",
    }


def test_unknown_models_are_refused(killed: Path) -> None:
    done = srp4ctr("experiment", killed, "--only", "dni")
    assert (
        done.returncode == 1
        and "--only must name models" in done.stderr
        and "din, ours" in done.stderr
    )


def _root(path: Path) -> Path:
    return path.parent / "runs" / "experiments" / path.stem


def _cells(path: Path) -> Path:
    return _root(path).parent / "cells"


def _results(path: Path) -> dict[str, int]:
    """When each finished cell's result was written."""
    return {str(file): file.stat().st_mtime_ns for file in _cells(path).glob("*/result.json")}


def _jobs(path: Path) -> list[Path]:
    return list(_cells(path).glob("*/job.json"))


def _workers(path: Path) -> list[int]:
    """Processes that still train a cell."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(_cells(path)).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return [number for number in found if number != os.getpid()]


def _wait_for(condition: object, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
