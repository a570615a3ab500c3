"""How sure a difference between two models' AUCs is, on the same test candidates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipelines.bootstrap import paired_interval, resampled_auc
from pipelines.counts.found import Gain, TaskCounts
from trainer.metrics import auc

_RESAMPLES = 400


class Judged(NamedTuple):
    """How well a model ranks.

    Attributes:
        auc: On all candidates.
        resampled: On users drawn with replacement, [resamples].
    """

    auc: float
    resampled: np.ndarray


def judged(labels: np.ndarray, users: np.ndarray, scores: np.ndarray) -> Judged:
    """The AUC of a model's scores [C], by labels (0 or 1, [C]) and the candidates' users [C]."""
    return Judged(auc(labels, scores), resampled_auc(users, labels, scores, _RESAMPLES))


def compared(ours: Judged, of_trees: Judged, rounds: int) -> TaskCounts:
    """Both AUCs, and their difference with its interval."""
    return TaskCounts(
        auc=of_trees.auc,
        model_auc=ours.auc,
        trees=rounds,
        **gain(ours, of_trees).model_dump(),
    )


def gain(ours: Judged, theirs: Judged) -> Gain:
    """The difference in AUC with its interval, by a paired bootstrap over users."""
    low, high = paired_interval([ours.resampled], [theirs.resampled])
    return Gain(points=100 * (ours.auc - theirs.auc), low=100 * low, high=100 * high)
