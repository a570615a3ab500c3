"""The table of metrics, of which every report and the Evaluator have a new one."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.experiment.measures import measure
from pipelines.metric import Metric
from pipelines.metrics import METRICS
from pipelines.report.model_card import model_card
from pipelines.report.page import render
from tests.pipelines.report.test_report_page import MADE, Page

RNG = np.random.default_rng(0)
SCORES = RNG.uniform(0.05, 0.95, 300)
LABELS = (RNG.uniform(size=300) < SCORES).astype(float)
USERS = np.repeat(np.arange(30), 10)


@pytest.mark.parametrize("key", METRICS)
def test_each_metric_is_a_number(key: str) -> None:
    assert np.isfinite(METRICS[key].of_rows(LABELS, SCORES, USERS))


def test_one_kind_of_label_has_no_normalised_entropy() -> None:
    assert np.isnan(METRICS["ne"].of_rows(np.ones(300), SCORES, USERS))


@pytest.mark.slow
def test_a_new_metric_is_one_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    brier = Metric(
        title="Brier score",
        definition="mean squared distance of predictions from labels",
        direction="lower is better",
        of_rows=lambda labels, scores, users: float(np.mean((labels - scores) ** 2)),
    )
    monkeypatch.setitem(METRICS, "brier", brier)
    rows = {"label_buy": LABELS, "score_buy": SCORES, "user": USERS}
    assert measure(rows, "buy")["brier"] == pytest.approx(np.mean((LABELS - SCORES) ** 2))
    older = Page(render(MADE)).text
    assert "Brier score (lower is better) – – –" in older, "a report from before has no such score"
    assert "| Brier score | – |" in model_card(MADE)
