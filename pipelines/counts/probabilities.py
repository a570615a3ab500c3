"""How sure it is that one model's probabilities are worse than another's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_RESAMPLES = 400
_EDGE = 1e-7  # how far from 0 and 1 probabilities are kept, as in trainer.metrics


class Worse(NamedTuple):
    """95 % intervals, (low, high), of how much worse one model is than the other.

    Attributes:
        logloss: In nats per candidate.
        calibration: How much farther from 1 the mean prediction over the mean label is.
    """

    logloss: tuple[float, float]
    calibration: tuple[float, float]


def worse(users: np.ndarray, labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Worse:
    """How much worse `ours` is than `theirs`, by a paired bootstrap over users.

    Args:
        users: Whose candidate each is, [C].
        labels: 0 or 1, [C].
        ours: A model's probabilities, [C].
        theirs: Another's, [C].
    """
    _, user = np.unique(users, return_inverse=True)
    number = int(user.max()) + 1
    columns = (_losses(labels, ours) - _losses(labels, theirs), ours, theirs, labels)
    sums = [np.bincount(user, column, number) for column in columns]
    candidates = np.bincount(user, minlength=number)
    rng = np.random.default_rng(0)
    logloss = []
    calibration = []
    for _ in range(_RESAMPLES):
        times_drawn = np.bincount(rng.integers(0, number, number), minlength=number)
        loss, of_ours, of_theirs, positives = (float(times_drawn @ column) for column in sums)
        logloss.append(loss / float(times_drawn @ candidates))
        if positives:
            calibration.append(abs(of_ours / positives - 1) - abs(of_theirs / positives - 1))
    return Worse(_interval(logloss), _interval(calibration))


def _losses(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    chances = np.clip(np.asarray(scores, float), _EDGE, 1 - _EDGE)
    return -np.where(np.asarray(labels) > 0.5, np.log(chances), np.log1p(-chances))


def _interval(values: list[float]) -> tuple[float, float]:
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
