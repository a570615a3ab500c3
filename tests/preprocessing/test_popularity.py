"""What popularity and being unseen tell of labels, by hand and against the metric."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.popularity import auc_of_counts, count_labels, levels, rules
from trainer.metrics import auc


def test_levels_keep_small_counts_and_three_digits_of_large_ones() -> None:
    assert levels(np.array([0, 7, 999, 1000, 1234, 98_765_432])).tolist() == [
        0,
        7,
        999,
        1000,
        1230,
        98_700_000,
    ]


def test_hand_computed_rules() -> None:
    counts = count_labels(
        ("p",), np.array([0, 0, 5, 5, 9]), np.array([True, False, True, False, False])
    )
    assert counts == {
        ("p", "positives", "0"): 1,
        ("p", "positives", "5"): 1,
        ("p", "negatives", "0"): 1,
        ("p", "negatives", "5"): 1,
        ("p", "negatives", "9"): 1,
    }
    found = rules({"positives": {"0": 1, "5": 1}, "negatives": {"0": 1, "5": 1, "9": 1}})
    assert found["unseen_positives"] == 0.5 and found["unseen_negatives"] == pytest.approx(1 / 3)
    assert found["unseen_auc"] == pytest.approx((2 + 0.5 + 0.5 * 2) / 6)
    assert found["popularity_auc"] == pytest.approx((0.5 + 1 + 0.5) / 6)


def test_values_are_counted_by_label_however_large_they_are() -> None:
    values = np.array([7, 98_700_000, 7, 98_700_000, 98_700_000])
    counts = count_labels(("p",), values, np.array([True, True, False, False, False]))
    assert counts == {
        ("p", "positives", "7"): 1,
        ("p", "positives", "98700000"): 1,
        ("p", "negatives", "7"): 1,
        ("p", "negatives", "98700000"): 2,
    }
    assert not count_labels(("p",), values[:0], np.zeros(0, bool))


def test_nothing_is_known_of_labels_that_are_all_alike() -> None:
    assert rules({"negatives": {"3": 4}}) == {
        "unseen_positives": None,
        "unseen_negatives": 0.0,
        "unseen_auc": None,
        "popularity_auc": None,
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_auc_of_counts_is_that_of_candidates(rows: list[tuple[int, bool]]) -> None:
    positives = Counter(score for score, label in rows if label)
    negatives = Counter(score for score, label in rows if not label)
    labels = np.array([label for _, label in rows], float)
    scores = np.array([score for score, _ in rows], float)
    expected = auc(labels, scores)
    found = auc_of_counts(positives, negatives)
    assert (found is None and np.isnan(expected)) or found == pytest.approx(expected)
