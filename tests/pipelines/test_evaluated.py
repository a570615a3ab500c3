"""What an evaluation's figures come to: undefined AUCs, and models that a plain rule beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

from pipelines.components.candidate_metrics import USER
from pipelines.components.evaluation import eval_config
from pipelines.data_report import DataReport, SplitReport
from pipelines.evaluated import figures, load_evaluation, overall_aucs, refusals, rule_auc

UNDEFINED = float("nan")


def metrics(auc: float) -> dict[str, Any]:
    """A slice as TFMA has it."""
    values = {"auc": auc, "example_count": 40.0}
    return {"": {name: {"doubleValue": value} for name, value in values.items()}}


class Evaluation:
    """A TFMA result of two tasks."""

    def __init__(self, click: float, buy: float) -> None:
        overall = {"click": metrics(click), "buy": metrics(buy)}
        self.slicing_metrics = [((), overall), ((("popularity", "head"),), overall)]


@pytest.mark.parametrize(("evaluated", "auc"), [(UNDEFINED, None), (0.0, 0.0), (0.25, 0.25)])
def test_what_isnt_a_number_is_undefined(evaluated: float, auc: float | None) -> None:
    assert figures(metrics(evaluated)) == {"auc": auc, "example_count": 40.0}


def data(validation: dict[str, float | None], test: dict[str, float | None]) -> DataReport:
    """The part of a data report that has rules."""
    rules = {"validation": validation, "test": test}
    parts: dict[str, Any] = {}
    for split, found in rules.items():
        of_split: dict[str, Any] = {"label_rules": {"click": found}}
        parts[split] = SplitReport.model_construct(**of_split)
    whole: dict[str, Any] = {"splits": parts}
    return DataReport.model_construct(**whole)


def test_a_model_without_a_defined_auc_is_refused_by_name() -> None:
    aucs = overall_aucs(Evaluation(0.8, UNDEFINED), ["click", "buy"])
    assert aucs == {"click": 0.8, "buy": None}
    (reason,) = refusals(aucs, data({}, {}), 0.0)
    assert (
        reason
        == "The test AUC of “buy” is undefined: its labels are all alike, so nothing was judged."
    )


@pytest.mark.parametrize(
    ("auc", "margin", "refused"),
    [(0.7, 0.0, 1), (0.79, 0.0, 1), (0.81, 0.0, 0), (0.81, 0.05, 1), (0.1, -1.0, 0)],
)
def test_a_model_that_a_plain_rule_beats_is_refused(
    auc: float, margin: float, refused: int
) -> None:
    """Items unseen in training are the negatives in validation, so the rule is "it was seen"."""
    found = data(
        {"unseen_auc": 0.3, "popularity_auc": 0.6},
        {"unseen_auc": 0.2, "popularity_auc": 0.65},
    )
    reasons = refusals({"click": auc}, found, margin)
    of_unseen = "whether an item was seen in training alone reaches 0.8000"
    assert sum(of_unseen in reason for reason in reasons) == refused


def test_a_rule_is_read_in_the_direction_that_validation_shows() -> None:
    assert rule_auc(data({"unseen_auc": 0.6}, {"unseen_auc": 0.4}), "unseen_auc", "click") == 0.4
    assert rule_auc(data({"unseen_auc": 0.4}, {"unseen_auc": 0.4}), "unseen_auc", "click") == 0.6
    assert rule_auc(data({"unseen_auc": None}, {"unseen_auc": 0.4}), "unseen_auc", "click") is None
    assert rule_auc(data({}, {}), "unseen_auc", "buy") is None


@pytest.mark.slow
@pytest.mark.parametrize(("labels", "auc"), [([0.0] * 4, None), ([0.0, 1.0, 0.0, 1.0], 0.75)])
def test_what_tfma_writes_is_read_so(
    labels: list[float], auc: float | None, tmp_path: Path
) -> None:
    """An AUC that nobody can know comes back as none."""
    frame = pd.DataFrame({"label": labels, "prediction": [0.1, 0.3, 0.4, 0.9], USER: [1, 1, 2, 2]})
    metrics = eval_config([], [], min_auc=None, max_auc_drop=0.0).metrics_specs[0].metrics
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="label", prediction_key="prediction")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
    tfma.analyze_raw_data(frame, config, output_path=str(tmp_path))
    assert overall_aucs(load_evaluation(str(tmp_path)), [""]) == {
        "": pytest.approx(auc) if auc else auc
    }
