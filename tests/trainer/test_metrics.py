"""AUC and GAUC against their definitions, pair by pair."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.metrics import auc, calibration, gauc, logloss, normalised_entropy

# Few distinct scores, so that ties are common.
ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40
)


def _by_pairs(labels: Any, scores: Any) -> float:
    positives = [score for score, label in zip(scores, labels, strict=True) if label]
    negatives = [score for score, label in zip(scores, labels, strict=True) if not label]
    pairs = list(itertools.product(positives, negatives))
    return sum((p > n) + 0.5 * (p == n) for p, n in pairs) / len(pairs) if pairs else math.nan


@given(ROWS)
def test_auc_is_the_share_of_pairs_in_order(rows: list[Any]) -> None:
    labels, scores, _ = (np.array(column) for column in zip(*rows, strict=True))
    assert auc(labels, scores) == pytest.approx(_by_pairs(labels, scores), nan_ok=True)


@given(ROWS)
def test_gauc_is_the_users_auc_weighted_by_their_candidates(rows: list[Any]) -> None:
    labels, scores, users = (np.array(column) for column in zip(*rows, strict=True))
    total = weight = 0.0
    for user in set(users):
        own = _by_pairs(labels[users == user], scores[users == user])
        if not math.isnan(own):
            total, weight = total + own * (users == user).sum(), weight + (users == user).sum()
    assert gauc(labels, scores, users) == pytest.approx(
        total / weight if weight else math.nan, nan_ok=True
    )


def test_by_hand() -> None:
    labels = np.array([1, 0, 1, 0])
    scores = np.array([0.9, 0.9, 0.5, 0.1])
    assert auc(labels, scores) == (0.5 + 1 + 0 + 1) / 4
    assert gauc(labels, scores, np.array(["a", "a", "b", "b"])) == 0.75
    assert auc(labels, np.zeros(4)) == 0.5


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_one_class_has_no_auc(labels: list[int]) -> None:
    assert math.isnan(auc(np.array(labels), np.array([0.1, 0.2])))
    assert math.isnan(gauc(np.array(labels), np.array([0.1, 0.2]), np.array([0, 0])))
    assert math.isnan(gauc(np.array([]), np.array([]), np.array([])))


def test_users_with_one_class_are_left_out_of_gauc() -> None:
    labels = np.array([1, 0, 1, 1])
    scores = np.array([0.2, 0.1, 0.5, 0.6])
    assert gauc(labels, scores, np.array([0, 0, 1, 1])) == 1.0


def test_logloss_normalised_entropy_and_calibration_by_hand() -> None:
    labels = np.array([1, 0, 0, 1])
    scores = np.array([0.8, 0.4, 0.2, 0.5])
    loss = -(np.log(0.8) + np.log(0.6) + np.log(0.8) + np.log(0.5)) / 4
    assert logloss(labels, scores) == pytest.approx(loss)
    assert normalised_entropy(labels, scores) == pytest.approx(loss / np.log(2))
    assert calibration(labels, scores) == pytest.approx(0.475 / 0.5)


def test_measures_of_one_kind_of_label() -> None:
    nothing = np.zeros(3)
    assert np.isfinite(logloss(nothing, nothing))
    assert np.isnan(normalised_entropy(nothing, nothing)) and np.isnan(
        calibration(nothing, nothing)
    )
