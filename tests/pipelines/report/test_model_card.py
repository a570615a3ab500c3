"""The model card, from made-up results, and the interval of an AUC against what resampling
finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.report.model_card import CARD, auc_interval, config_hash, model_card
from pipelines.report.write import save
from tests.pipelines.report.test_report_page import CONTENT, MADE, results
from trainer.metrics import auc


def test_the_interval_is_about_as_wide_as_that_of_new_samples() -> None:
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(300), np.zeros(700)]
    found = [auc(labels, rng.normal(labels, size=1000)) for _ in range(400)]
    interval = auc_interval(float(np.mean(found)), 300, 700)
    assert interval is not None
    assert interval[1] - interval[0] == pytest.approx(2 * 1.96 * np.std(found), rel=0.15)


@pytest.mark.parametrize(
    ("value", "positives", "negatives"), [(None, 9, 9), (0.7, 0, 9), (0.7, 9, 0)]
)
def test_there_is_no_interval_without_both_labels(
    value: float | None, positives: int, negatives: int
) -> None:
    assert auc_interval(value, positives, negatives) is None


def test_the_card_says_what_was_trained_and_how_good_it_is() -> None:
    card = model_card(MADE)
    assert card.startswith("# Model card: ml_100k\n")
    assert f"| Configuration | {config_hash(MADE.metrics.config)} " in card
    assert "| AUC | 0.7731 | 0.7641 to 0.7821 | 0.7597 | 0.7505 to 0.7689 |" in card
    assert "| Last blessed model | like: AUC 0.7702 on the same candidates |" in card
    assert (
        "| popularity: tail | 0.6904 | " in card
        and "popularity tail is ranked worst (AUC 0.6904)" in card
    )
    assert "None" not in card and "nan" not in card


@pytest.mark.slow
def test_the_card_says_why_a_model_was_refused(tmp_path: Path) -> None:
    verdict = {"blessed": False, "reasons": ["The AUC is too low.", "A column is empty."]}
    metrics = CONTENT["metrics"] | {"verdict": verdict, "pushed_version": None}
    save(results(metrics=metrics), tmp_path)
    card = (tmp_path / CARD).read_text()
    assert "| Verdict | refused: The AUC is too low. A column is empty. |" in card
    assert "| Version | not pushed |" in card
    for block in card.split("\n\n"):  # every table has as many cells a row as its header
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, block
