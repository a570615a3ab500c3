"""The plan is coefficients times counts, and docs/scale.md has it as it is computed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.plan import Coefficients, Counts, Prices, plan, table

DOCS = Path(__file__).parents[2] / "docs" / "scale.md"


def test_the_page_has_the_plan() -> None:
    assert table(plan(Counts(), Coefficients(), Prices())) in DOCS.read_text(encoding="utf-8")


def test_the_page_says_what_each_count_and_coefficient_is() -> None:
    """So that who reads a line can compute it."""
    named: set[str] = set()
    for row in DOCS.read_text(encoding="utf-8").splitlines():
        if row.startswith("| "):
            named.update(row.split("|")[1].replace(" ", "").split(","))
    for kind in (Counts, Coefficients):
        assert {field.name for field in dataclasses.fields(kind)} <= named


def test_by_hand() -> None:
    measured = Coefficients(
        records_cpu=3.6,
        statistics=1.5,
        score=0.01,
        evaluated_a_second=1000,
        item_bytes=2**10,
        memory_start=2**30,
        memory_item=2**10,
        load_start=5,
        load_item=1,
    )
    counts = Counts(
        users=2**20, active=0.5, items=2**20, events=1e9, evaluated=3.6e6, requests=70, load=0.7
    )
    lines = {line.what: line for line in plan(counts, measured, Prices(vcpu_hour=2, gib_hour=1))}
    assert (lines["records"].amount, lines["records"].dollars) == pytest.approx((1, 2))
    assert lines["statistics in them"].amount == pytest.approx(0.5)
    jobs = [line for line in lines.values() if line.unit == "CPU-hours"]
    total = jobs.pop()
    assert total.what == "all of a day's jobs" and len(jobs) == 8
    assert total.amount == pytest.approx(sum(line.amount for line in jobs))
    assert total.dollars == pytest.approx(sum(line.dollars or 0 for line in jobs))
    assert lines["Evaluator, each model"].amount == pytest.approx(2)  # an hour of two cores
    servers = lines["servers, states cached"]
    assert (servers.amount, servers.dollars) == pytest.approx((2, 96))
    redis = lines["Redis, states of who comes that day, float16"]
    assert redis.amount == pytest.approx(measured.state_bytes / 2**11)
    assert lines["SavedModel"].amount == 1
    assert lines["memory of a server, one version"].amount == 2
    assert lines["memory of a server, two, as serving/deploy has it"].amount == 3
    assert lines["start of a server"].amount == 5 + 2**20


def test_what_is_not_measured_has_no_line() -> None:
    less = dataclasses.replace(
        Coefficients(), evaluated_a_second=None, item_bytes=None, load_item=None, memory_item=None
    )
    lines = plan(Counts(), less, Prices())
    assert not {"Evaluator, each model", "SavedModel", "start of a server"} & {
        line.what for line in lines
    }
