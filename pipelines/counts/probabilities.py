"""How sure it is that one model's probabilities are worse than another's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.bootstrap import interval_of, times_drawn_of_users
from trainer.metrics import losses

_RESAMPLES = 400


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
    columns = (losses(labels, ours) - losses(labels, theirs), ours, theirs, labels)
    sums = [np.bincount(user, column, number) for column in columns]
    candidates = np.bincount(user, minlength=number)
    logloss = []
    calibration = []
    for times_drawn in times_drawn_of_users(number, _RESAMPLES):
        loss, of_ours, of_theirs, positives = (float(times_drawn @ column) for column in sums)
        logloss.append(loss / float(times_drawn @ candidates))
        if positives:
            calibration.append(abs(of_ours / positives - 1) - abs(of_theirs / positives - 1))
    return Worse(interval_of(np.array(logloss)), interval_of(np.array(calibration)))
