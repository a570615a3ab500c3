"""The load test: its schedule, its clock, its counts, and a whole run against a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.app import app
from serving.client import RankingError
from serving.loadtest.outcomes import Outcomes
from serving.loadtest.plan import LoadPlan, Schedule, schedule
from serving.loadtest.runner import run, run_async
from serving.loadtest.traffic import RecordedTraffic
from tests.serving import toy_ranker
from tests.serving.conftest import StartServer

_TRAFFIC = RecordedTraffic([{"user_id": "1"}], ["10", "11"])


class _Client:
    """Ranks by sleeping, or by failing."""

    def __init__(self, seconds: float = 0.0, failing: Sequence[int] = ()) -> None:
        self.seconds = seconds
        self.failing = set(failing)
        self.calls = 0

    @staticmethod
    def run(*arguments: Any) -> Outcomes:
        return run(*arguments)

    def rank(self, user: object, candidates: object, top: int | None, by: str | None) -> None:
        self.calls += 1
        time.sleep(self.seconds)
        if self.calls in self.failing:
            raise RankingError("no", grpc.StatusCode.UNAVAILABLE, "no")

    def counts(self) -> dict[str, int]:
        return {"hits": 3, "misses": 1}


class _AsyncClient(_Client):
    @staticmethod
    def run(*arguments: Any) -> Outcomes:
        return asyncio.run(run_async(*arguments))

    async def rank(  # type: ignore[override]  # as the two clients differ
        self, user: object, candidates: object, top: int | None, by: str | None
    ) -> None:
        self.calls += 1
        call = self.calls
        await asyncio.sleep(self.seconds)
        if call in self.failing:
            raise RankingError("no", grpc.StatusCode.UNAVAILABLE, "no")


@pytest.fixture(params=[_Client, _AsyncClient])
def kind(request: pytest.FixtureRequest) -> type[_Client]:
    return request.param


def test_schedule_is_the_plans_and_the_seeds() -> None:
    plan = LoadPlan(rate=200, seconds=50, candidates={1: 1, 10: 3}, users=20, popularity=1.0)
    one = schedule(plan)
    for mine, again in zip(one, schedule(plan), strict=True):
        np.testing.assert_array_equal(mine, again)
    assert not np.array_equal(
        one.user, schedule(plan.model_copy(update={"seed": 2})).user[: len(one.user)]
    )
    assert (
        abs(len(one.due) - 10_000) < 500
        and (np.diff(one.due) >= 0).all()
        and 0 <= one.due[0] < one.due[-1] < 50
    )
    gaps = np.diff(one.due)
    assert abs(gaps.std() / gaps.mean() - 1) < 0.1  # exponential, not regular
    assert abs((one.candidates == 10).mean() - 0.75) < 0.03
    asked = np.bincount(one.user, minlength=20)
    assert abs(asked[0] / asked[1] - 2) < 0.3 and abs(asked[0] / asked[9] - 10) < 3


def test_waiting_for_a_busy_server_counts(kind: type[_Client]) -> None:
    """One place, 20 ms per request, 100 requests per second: each waits for those before."""
    plan = LoadPlan(
        rate=100, seconds=0.5, candidates={1: 1}, users=1, concurrency=1, timeout_seconds=10
    )
    outcomes = kind.run(kind(seconds=0.02), plan, _TRAFFIC)
    count = len(outcomes.seconds)
    assert outcomes.answered.all() and count > 25
    served_after = 0.02 * np.arange(1, count + 1)
    assert (outcomes.seconds >= served_after - outcomes.schedule.due - 1e-3).all()
    assert outcomes.seconds[-1] > 0.3


def test_what_is_not_sent_in_time_is_given_up_and_named(kind: type[_Client]) -> None:
    plan = LoadPlan(
        rate=200, seconds=0.2, candidates={1: 1}, users=1, concurrency=1, timeout_seconds=0.1
    )
    client = kind(seconds=0.05)
    outcomes = kind.run(client, plan, _TRAFFIC)
    assert outcomes.elapsed < 0.05 * len(outcomes.seconds) and client.calls < 10
    assert outcomes.failures == {"NOT_SENT": len(outcomes.seconds) - client.calls}


def test_failures_are_counted_by_status(kind: type[_Client]) -> None:
    plan = LoadPlan(
        rate=100, seconds=0.2, candidates={1: 1}, users=1, concurrency=1, timeout_seconds=10
    )
    outcomes = kind.run(kind(failing=(2, 3)), plan, _TRAFFIC)
    assert outcomes.failures == {"UNAVAILABLE": 2} and outcomes.hit_ratio == 0.75
    assert outcomes.summary()["answered"] == len(outcomes.seconds) - 2


def test_summary_by_hand() -> None:
    due = Schedule(np.zeros(4), np.zeros(4, int), np.array([1, 1, 10, 10]))
    status = np.array(["OK", "OK", "OK", "DEADLINE_EXCEEDED"], object)
    summary = Outcomes(due, np.array([0.1, 0.2, 0.3, 9.0]), status, elapsed=2.0).summary()
    assert (
        summary["requests"] == 4
        and summary["answered"] == 3
        and summary["answered_a_second"] == 1.5
    )
    assert summary["failures"] == {"DEADLINE_EXCEEDED": 1}
    assert summary["latency_ms"]["p50"] == 200.0 and summary["latency_ms"]["max"] == 300.0
    assert summary["latency_ms_by_candidates"]["10"]["p99.9"] == 300.0


@pytest.mark.parametrize("candidates", [{}, {0: 1.0}, {10: 0.0}, {10: -1.0, 20: 2.0}])
def test_impossible_mixes_are_refused(candidates: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="candidates needs counts of at least 1"):
        LoadPlan(candidates=candidates)


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--asyncio"]], ids=["threads", "asyncio"])
def test_command_loads_a_real_server_and_writes_what_it_saw(
    model_dir: Path, start: StartServer, tmp_path: Path, how: list[str]
) -> None:
    server = start(model_dir)
    out = tmp_path / "out"
    options = [
        "--name",
        toy_ranker.NAME,
        "--rate",
        "40",
        "--seconds",
        "1",
        "--candidates",
        "2:0.5,5:0.5",
    ]
    address = f"127.0.0.1:{server.grpc_port}"
    done = CliRunner().invoke(
        app, ["loadtest", address, *options, *how, "--timeout", "10", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    summary = json.loads(done.output.splitlines()[-1])
    assert summary["failures"] == {} and summary["answered"] == summary["requests"] > 15
    assert set(summary["latency_ms_by_candidates"]) == {"2", "5"}
    assert json.loads((out / "loadtest.json").read_text()) == summary
    assert (out / "loadtest.png").read_bytes().startswith(b"\x89PNG")


def test_command_names_the_address_that_does_not_answer() -> None:
    done = CliRunner().invoke(app, ["loadtest", "127.0.0.1:1", "--seconds", "1"])
    assert done.exit_code == 1 and "127.0.0.1:1" in done.output and "UNAVAILABLE" in done.output


def test_command_refuses_a_mix_that_does_not_read() -> None:
    done = CliRunner().invoke(app, ["loadtest", "127.0.0.1:1", "--candidates", "ten"])
    assert done.exit_code == 1 and "--candidates must read like" in done.output
