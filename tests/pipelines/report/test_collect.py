"""What a report takes from a run's artifacts, and that its files come back as they were."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipelines.checks.finding import Finding
from pipelines.checks.found import Checks, Compared
from pipelines.config import RunConfig
from pipelines.counts.found import Counts
from pipelines.data_report import DataReport
from pipelines.metrics import METRICS
from pipelines.report import collect
from pipelines.report.results import Pretrained, Rivals, RunMetrics, Verdict
from preprocessing.report import data_report
from preprocessing.splits import CutOffs, TimeProfile
from tests.testing import small_spec

FIGURES = {
    "auc": 0.75,
    "gauc": float("nan"),
    "logloss": 0.5,
    "ne": 0.9,
    "calibration": 1.1,
    "mean_label": 0.25,
}
ATTRIBUTE = {"loss": 1.5, "accuracy": 0.5, "chance_accuracy": float("nan")}

RIVALS = Rivals(
    popularity={"buy": 0.6, "dear": None}, counts=Counts(missing="LightGBM isn't installed")
)


class Evaluation:
    """A TFMA result of the small spec's tasks."""

    def __init__(self, slices: list[tuple[tuple[str, str], ...]]) -> None:
        figures = FIGURES | {"example_count": 40.0}
        values = {name: {"doubleValue": value} for name, value in figures.items()}
        metrics = {task: {"": values} for task in small_spec().tasks}
        self.slicing_metrics = [(key, metrics) for key in slices]
        bucket = {
            "numWeightedExamples": 4,
            "totalWeightedLabel": 1,
            "totalWeightedRefinedPrediction": 2,
        }
        empty = dict.fromkeys(bucket, 0)
        plot = {"": {"calibrationHistogramBuckets": {"buckets": [bucket, empty]}}}
        plots = dict.fromkeys(metrics, plot)
        self.plots = [((), plots)]


class Run:
    """A run's metadata."""

    def output(self, node: str, key: str | None = None) -> str:
        return f"/nowhere/{node}"

    def seconds(self, node: str) -> float | None:
        return 2.5 if node == "Pusher" else None

    def pushed_version(self, node: str) -> str | None:
        return "7"

    def is_blessed(self, gate: str) -> bool:
        return False


WHOLE = Evaluation([(), (("history_length", "0"),), (("popularity", "head"),)])


def test_metrics_are_those_of_the_table_and_slices_have_their_counts() -> None:
    found = collect._task(WHOLE, "buy")
    assert list(found.scores) == list(METRICS)
    assert found.auc == 0.75 and found.score("gauc") is None and found.score("ne") == 0.9
    assert found.to_json()["slices"]["popularity"] == {
        "head": {"auc": 0.75, "candidates": 40, "positives": 10}
    }
    assert collect._calibration(WHOLE, "buy") == [(0.5, 0.25, 4.0)]


def test_what_is_collected_is_written_and_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(collect, "_to_beat", lambda uri, tasks: dict.fromkeys(tasks, 0.7))
    monkeypatch.setattr(
        collect, "verdict", lambda *arguments: Verdict(blessed=False, reasons=["It is late."])
    )
    config = RunConfig(dataset=small_spec(), runs_dir=str(tmp_path))
    text = data_report(
        config.dataset, Counter(), CutOffs(validation=1, test=2), TimeProfile.empty()
    )
    finding = Finding("schema", "warn", "user_age", "It is empty.", "the log")
    checks = Checks(compared=Compared(drift=True, skew=False), findings=[finding])
    pretrained = Pretrained.model_validate({"attributes": {"item_id": ATTRIBUTE}, "curves": {}})
    evaluations = {"with_encoder": WHOLE, "without_encoder": WHOLE}
    run: Any = Run()
    metrics = collect._metrics(
        config, run, DataReport.model_validate_json(text), checks, pretrained, evaluations, RIVALS
    )
    written = json.dumps(metrics.to_json(), allow_nan=False)
    content = json.loads(written)
    assert RunMetrics.model_validate_json(written) == metrics
    assert content["pretrain"]["item_id"] == ATTRIBUTE | {"chance_accuracy": None}
    assert content["checks"]["findings"] == [dataclasses.asdict(finding)]
    assert content["rivals"]["popularity"] == {"buy": 0.6, "dear": None}
    assert content["verdict"] == {"blessed": False, "reasons": ["It is late."]}
    assert set(content["tasks"]["buy"]) == {*METRICS, "slices"}
    assert content["seconds"] == {"Pusher": 2.5} and content["to_beat"]["buy"] == 0.7


def test_a_version_that_was_taken_back_is_not_a_runs_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(collect, "verdict", lambda *_: Verdict(blessed=True, reasons=[]))
    config = RunConfig(dataset=small_spec(), runs_dir=str(tmp_path))
    checks = Checks(compared=Compared(drift=True, skew=False), findings=[])
    run: Any = Run()
    found = collect._pushed(config, run, checks).verdict
    assert not found.blessed and "taken back by `srp4ctr rollback`" in found.reasons[0]
    monkeypatch.setattr(Run, "is_blessed", lambda self, gate: True)
    assert collect._pushed(config, run, checks).verdict.blessed
