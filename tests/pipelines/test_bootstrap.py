"""Intervals that cover what they should, and weighted AUC against the plain one."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.bootstrap import _sorted, _weighted_auc, paired_interval, resampled_auc
from trainer.metrics import auc

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def _rows(noise: float, seed: int, users: int = 100, each: int = 12) -> Rows:
    """Users, labels, and scores that are the label and some noise."""
    labels = np.random.default_rng(7).integers(0, 2, users * each).astype(float)
    scores = labels + np.random.default_rng(seed).normal(0, noise, len(labels))
    return np.repeat([f"u{n}" for n in range(users)], each), labels, scores


def _interval(ours: list[Rows], theirs: list[Rows], resamples: int = 200) -> tuple[float, float]:
    of_ours = [resampled_auc(*rows, resamples) for rows in ours]
    of_theirs = [resampled_auc(*rows, resamples) for rows in theirs]
    return paired_interval(of_ours, of_theirs)


def test_a_better_model_is_surely_better() -> None:
    low, high = _interval([_rows(1, 1)], [_rows(4, 2)])
    difference = auc(*_rows(1, 1)[1:]) - auc(*_rows(4, 2)[1:])
    assert 0 < low < difference < high


def test_equal_models_differ_by_nothing() -> None:
    assert _interval([_rows(1, 1)], [_rows(1, 1)], 50) == (0.0, 0.0)
    low, high = _interval([_rows(1, 1), _rows(1, 3)], [_rows(1, 2), _rows(1, 4)])
    assert low < 0 < high


def test_pairing_narrows_the_interval() -> None:
    """A shift that both models share cancels: the interval is of the difference, not of each."""
    users, labels, scores = _rows(1, 1)
    shifted = scores + np.random.default_rng(0).normal(0, 0.001, 1200)
    low, high = _interval([(users, labels, scores)], [(users, labels, shifted)])
    assert high - low < 0.005


@pytest.mark.parametrize("seed", range(3))
def test_weighted_auc_is_that_of_repeated_candidates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 40)
    scores = rng.integers(0, 9, 40) / 9
    counts = rng.integers(0, 4, 40)
    expected = auc(np.repeat(labels, counts), np.repeat(scores, counts))
    assert _weighted_auc(_sorted(labels, scores), counts.astype(float)) == pytest.approx(expected)
