"""Intervals that cover what they should, weighted AUC against the plain one, slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipelines.experiment.measures import (
    _sorted,
    _weighted_auc,
    measure,
    paired_interval,
    resampled_auc,
    slices,
)
from pipelines.metrics import METRICS
from trainer.metrics import auc

Rows = dict[str, Any]


def _rows(noise: float, seed: int, users: int = 100, each: int = 12) -> Rows:
    """Candidates whose score is the label and some noise."""
    labels = np.random.default_rng(7).integers(0, 2, users * each).astype(float)
    scores = 1 / (1 + np.exp(-(labels + np.random.default_rng(seed).normal(0, noise, len(labels)))))
    return {
        "label_click": labels,
        "score_click": scores,
        "user": np.repeat([f"u{n}" for n in range(users)], each),
        "popularity": np.resize(["head", "tail"], users * each),
        "history": np.resize(["0", "50+", "50+"], users * each),
        "is_new_user": np.repeat(np.arange(users) < 5, each),
    }


def _interval(ours: list[Rows], theirs: list[Rows], resamples: int = 200) -> tuple[float, float]:
    a, b = ([resampled_auc(rows, "click", resamples) for rows in each] for each in (ours, theirs))
    return paired_interval(a, b)


def test_a_better_model_is_surely_better() -> None:
    low, high = _interval([_rows(1, 1)], [_rows(4, 2)])
    difference = measure(_rows(1, 1), "click")["auc"] - measure(_rows(4, 2), "click")["auc"]
    assert 0 < low < difference < high


def test_equal_models_differ_by_nothing() -> None:
    assert _interval([_rows(1, 1)], [_rows(1, 1)], 50) == (0.0, 0.0)
    low, high = _interval([_rows(1, 1), _rows(1, 3)], [_rows(1, 2), _rows(1, 4)])
    assert low < 0 < high


def test_pairing_narrows_the_interval() -> None:
    """A shift that both models share cancels: the interval is of the difference, not of each."""
    first = _rows(1, 1)
    second = first | {"score_click": first["score_click"] + np.random.default_rng(0).normal(0, 0.001, 1200)}
    low, high = _interval([first], [second])
    assert high - low < 0.005


@pytest.mark.parametrize("seed", range(3))
def test_weighted_auc_is_that_of_repeated_candidates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores, counts = rng.integers(0, 2, 40), rng.integers(0, 9, 40) / 9, rng.integers(0, 4, 40)
    expected = auc(np.repeat(labels, counts), np.repeat(scores, counts))
    assert _weighted_auc(_sorted(labels, scores), counts.astype(float)) == pytest.approx(expected)


def test_measures_and_slices_have_their_names() -> None:
    rows = _rows(1, 1)
    assert set(measure(rows, "click")) == set(METRICS)
    chosen = slices(rows)
    assert [chosen[name].sum() for name in ("items: head", "history: 50+", "new users")] == [600, 800, 60]
    assert (chosen["new users"] | chosen["known users"]).all()
