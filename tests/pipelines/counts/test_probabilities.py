"""How sure it is that probabilities are worse."""

from __future__ import annotations

import numpy as np

from pipelines.counts.probabilities import worse
from trainer.metrics import logloss

_RNG = np.random.default_rng(0)
USERS = np.arange(4000) // 10
CHANCES = _RNG.uniform(0.1, 0.5, 4000)
LABELS = (_RNG.random(4000) < CHANCES).astype(np.uint8)


def test_probabilities_that_are_too_high_are_surely_worse() -> None:
    too_high = CHANCES * 1.5
    found = worse(USERS, LABELS, too_high, CHANCES)
    low, high = found.logloss
    assert 0 < low < logloss(LABELS, too_high) - logloss(LABELS, CHANCES) < high
    low, high = found.calibration
    assert 0.3 < low < high < 0.6
    assert max(worse(USERS, LABELS, CHANCES, too_high).logloss) < 0


def test_probabilities_with_a_little_noise_may_be_as_good() -> None:
    noisy = CHANCES + _RNG.normal(0, 0.01, 4000)
    for low, high in worse(USERS, LABELS, noisy, CHANCES):
        assert low < 0 < high


def test_without_positives_calibration_is_not_known() -> None:
    none = np.zeros(4000, np.uint8)
    assert np.isnan(worse(USERS, none, CHANCES, CHANCES).calibration).all()
