"""Counts and rates of words, against counting by hand."""

from __future__ import annotations

import dataclasses

import numpy as np

from pipelines.counts.rates import FOLDS, Rates
from tests.pipelines.counts.candidates import planted


def test_later_candidates_get_the_counts_of_all_training_ones() -> None:
    training = planted(60, seed=1)
    later = planted(20, seed=2)
    found = Rates(training, "buy", {"item": 30}, seed=3).of(later)
    words = training.words["item"][:, 0]
    labels = training.labels["buy"]
    for row, word in enumerate(later.words["item"][:, 0]):
        if word == 0:
            assert np.isnan(found[row]).all()
            continue
        shown = (words == word).sum()
        positive = labels[words == word].sum()
        expected = [np.log1p(shown), (positive + 20 * labels.mean()) / (shown + 20)]
        np.testing.assert_allclose(found[row], expected, rtol=1e-5)


def test_several_words_give_their_mean_and_absent_ones_do_not_count() -> None:
    training = planted(60, seed=1)
    rates = Rates(training, "buy", {"item": 30}, seed=3)

    def columns(words: list[list[int]]) -> np.ndarray:
        return rates.of(dataclasses.replace(training, words={"item": np.array(words)}))

    one = columns([[4], [9]])[0]
    two = columns([[4], [9]])[1]
    both = columns([[4, 9, 0]])[0]
    np.testing.assert_allclose(both, (one + two) / 2, rtol=1e-6)


def test_a_label_is_never_in_its_own_requests_numbers() -> None:
    training = planted(60, seed=1)
    before = Rates(training, "buy", {"item": 30}, seed=3).of_training()
    for request in range(0, 60, 7):
        own = training.requests == request
        flipped = dataclasses.replace(training, labels={"buy": training.labels["buy"] ^ own})
        after = Rates(flipped, "buy", {"item": 30}, seed=3).of_training()
        np.testing.assert_array_equal(after[own], before[own])
        assert (after[~own] != before[~own]).any()


def test_numbers_of_training_and_of_later_candidates_are_alike() -> None:
    """A fold's counts are of fewer candidates, and are scaled up."""
    training = planted(2000, seed=1)
    rates = Rates(training, "buy", {"item": 30}, seed=3)
    known = training.words["item"][:, 0] > 0
    ours = rates.of_training()[known]
    all_counted = rates.of(training)[known]
    np.testing.assert_allclose(ours.mean(0), all_counted.mean(0), rtol=0.02)
    assert FOLDS == 5
