"""The last word on a model: a rival that it has to beat."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tfx.types import standard_artifacts

from pipelines.checks.found import Checks, Compared
from pipelines.components import blessing_gate
from pipelines.components.data_checks import FINDINGS
from pipelines.counts.found import FILE, Counts, Gain, TaskCounts
from pipelines.counts.verdict import DOES_NOT_PAY, PAYS
from preprocessing.popularity import POPULARITY
from preprocessing.quarantine import REPORT_FILE
from preprocessing.report import data_report
from preprocessing.splits import CutOffs, TimeProfile
from tests.testing import small_spec

pytestmark = pytest.mark.slow  # imports TFX


def _gate(
    folder: Path, must_beat: list[str], counts: Counts | None, if_encoder: str = ""
) -> tuple[bool, list[str]]:
    """Whether a model that the Evaluator blessed is blessed, and why not."""
    artifacts: dict[str, Any] = {
        "evaluator_blessing": standard_artifacts.ModelBlessing(),
        "evaluation": standard_artifacts.ModelEvaluation(),
        "findings": standard_artifacts.ExampleAnomalies(),
        "counts": standard_artifacts.ModelEvaluation(),
        "examples": standard_artifacts.Examples(),
        "blessing": standard_artifacts.ModelBlessing(),
    }
    for name, artifact in artifacts.items():
        artifact.uri = str(folder / name)
        (folder / name).mkdir()
    artifacts["evaluator_blessing"].set_int_custom_property("blessed", 1)
    (folder / "evaluator_blessing" / "BLESSED").touch()
    checks = Checks(compared=Compared(drift=False, skew=False), findings=[])
    (folder / "findings" / FINDINGS).write_text(json.dumps(checks.to_json()))
    if counts is not None:
        (folder / "counts" / FILE).write_text(json.dumps(counts.to_json()))
    output = {"blessing": [artifacts.pop("blessing")]}
    properties = {
        "tasks": "[]",
        "margin": 0.0,
        "span": 0,
        "must_beat": json.dumps(must_beat),
        "if_encoder": if_encoder,
    }
    blessing_gate.Executor().Do(
        {name: [artifact] for name, artifact in artifacts.items()}, output, properties
    )
    refused = json.loads((folder / "blessing" / blessing_gate.REFUSALS).read_text())
    return (folder / "blessing" / "BLESSED").exists(), refused


@pytest.mark.parametrize(
    ("points", "must_beat", "blessed"),
    [
        (-0.5, ["counts"], False),
        (0.0, ["counts"], False),
        (0.5, ["counts"], True),
        (-0.5, [], True),
    ],
)
def test_a_model_is_blessed_only_if_it_beats_what_it_must(
    points: float,
    must_beat: list[str],
    blessed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blessing_gate, "_refusals", lambda *_: [])
    task = TaskCounts(
        auc=0.7, model_auc=0.7 + points / 100, points=points, low=-1.0, high=1.0, trees=9
    )
    is_blessed, refused = _gate(tmp_path, must_beat, Counts(missing=None, tasks={"buy": task}))
    assert is_blessed == blessed and bool(refused) != blessed
    assert (
        blessed
        or "evaluation.must_beat asks for a model that beats boosted trees on counts" in refused[0]
    )


@pytest.mark.parametrize(
    ("intervals", "pays"),
    [
        ([(0.1, 0.9)], True),
        ([(-0.1, 0.9)], False),
        ([(0.0, 0.9)], False),
        ([(-0.9, -0.1)], False),
        ([(-0.1, 0.9), (0.1, 0.9)], True),
        ([(-0.9, -0.1), (0.1, 0.9)], False),
        ([(None, None)], True),
    ],
)
def test_the_cheaper_ranker_is_pushed_unless_the_encoder_pays(
    intervals: list[tuple[float | None, float | None]],
    pays: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blessing_gate, "_refusals", lambda *_: [])
    gains = {}
    for number, (low, high) in enumerate(intervals):
        gains[f"task_{number}"] = Gain(points=0.3, low=low, high=high)
    counts = Counts(missing=None, encoder=gains)
    blessed = {}
    for if_encoder in (PAYS, DOES_NOT_PAY):
        folder = tmp_path / if_encoder
        folder.mkdir()
        blessed[if_encoder], refused = _gate(folder, [], counts, if_encoder)
        assert bool(refused) != blessed[if_encoder]
        assert all("evaluation.push: cheaper" in reason for reason in refused)
    assert blessed == {PAYS: pays, DOES_NOT_PAY: not pays}


@pytest.mark.parametrize(("gain", "blessed"), [(0.4, True), (0.6, False)])
def test_a_base_ranker_has_to_beat_the_trees_without_what_the_encoder_adds(
    gain: float, blessed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blessing_gate, "_refusals", lambda *_: [])
    trees = TaskCounts(auc=0.7, model_auc=0.705, points=0.5, low=0.1, high=0.9, trees=9)
    encoder = Gain(points=gain, low=-0.1, high=1.1)
    counts = Counts(missing=None, tasks={"buy": trees}, encoder={"buy": encoder})
    is_blessed, _ = _gate(tmp_path, ["counts"], counts, DOES_NOT_PAY)
    assert is_blessed == blessed


def test_rules_are_those_of_the_records_that_the_model_is_tested_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blessing_gate, "load_evaluation", lambda uri: None)
    monkeypatch.setattr(blessing_gate, "overall_aucs", lambda evaluation, tasks: {"buy": 0.7})
    refused = {}
    for name, popularity in (("ours", 0.6), ("another's", 0.8)):
        rules = {"buy": {POPULARITY: popularity}}
        cut_offs = CutOffs(validation=1, test=2)
        report = json.loads(data_report(small_spec(), Counter(), cut_offs, TimeProfile.empty()))
        counts = dict.fromkeys(("records", "requests", "candidates", "bytes"), 9)
        split = counts | {"label_rate": {"buy": 0.5}, "label_rules": rules}
        report["splits"] = {"validation": split, "test": split}
        (tmp_path / name).mkdir()
        (tmp_path / name / REPORT_FILE).write_text(json.dumps(report))
        settings = {"tasks": json.dumps(["buy"]), "margin": 0.0}
        refused[name] = blessing_gate._refusals("", str(tmp_path / name), settings)
    assert refused["ours"] == [] and "reaches 0.8000" in refused["another's"][0]
