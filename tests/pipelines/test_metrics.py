"""The table of metrics: what a run's evaluation gives is what an experiment computes from rows."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.experiment.measures import measure
from pipelines.metrics import METRICS, Metric
from pipelines.report.model_card import model_card
from pipelines.report.page import render
from tests.pipelines.report.test_report_page import MADE, Page
from trainer import metrics

RNG = np.random.default_rng(0)
SCORES = RNG.uniform(0.05, 0.95, 300)
LABELS = (RNG.uniform(size=300) < SCORES).astype(float)
USERS = np.repeat(np.arange(30), 10)
EVALUATED = {
    "auc": metrics.auc(LABELS, SCORES),
    "gauc": metrics.gauc(LABELS, SCORES, USERS),
    "binary_crossentropy": metrics.logloss(LABELS, SCORES),
    "calibration": SCORES.mean() / LABELS.mean(),
    "mean_label": LABELS.mean(),
}


@pytest.mark.parametrize("key", METRICS)
def test_both_ways_to_a_metric_agree(key: str) -> None:
    metric = METRICS[key]
    assert metric.key == key and np.isfinite(metric.of_rows(LABELS, SCORES, USERS))
    assert metric.of_evaluation(EVALUATED) == pytest.approx(metric.of_rows(LABELS, SCORES, USERS))


def test_one_kind_of_label_has_no_normalised_entropy() -> None:
    assert METRICS["ne"].of_evaluation(EVALUATED | {"mean_label": 1.0}) is None


def test_a_new_metric_is_one_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    brier = Metric(
        key="brier",
        title="Brier score",
        definition="mean squared distance of predictions from labels",
        direction="lower is better",
        of_rows=lambda labels, scores, users: float(np.mean((labels - scores) ** 2)),
        of_evaluation=lambda evaluated: evaluated["mean_squared_error"],
        evaluated_by=("MeanSquaredError",),
    )
    monkeypatch.setitem(METRICS, "brier", brier)
    rows = {"label_buy": LABELS, "score_buy": SCORES, "user": USERS}
    assert measure(rows, "buy")["brier"] == pytest.approx(np.mean((LABELS - SCORES) ** 2))
    older = Page(render(MADE)).text
    assert "Brier score (lower is better) – – –" in older, "a report from before has no such score"
    assert "| Brier score | – |" in model_card(MADE)
