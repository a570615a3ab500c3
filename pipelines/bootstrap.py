"""How sure a difference between two models is: the same of resampled users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def resampled_auc(
    users: np.ndarray, labels: np.ndarray, scores: np.ndarray, resamples: int
) -> np.ndarray:
    """AUC [resamples] on users that are drawn with replacement, each with all its candidates.

    The draws depend on nothing but the users, so that those of two models or seeds on the same
    candidates are paired.

    Args:
        users: Whose candidate each is, [candidates].
        labels: 0 or 1, [candidates].
        scores: A model's, [candidates].
        resamples: How often users are drawn.
    """
    _, user = np.unique(users, return_inverse=True)
    ranked = _sorted(labels, scores)
    aucs = []
    for times_drawn in times_drawn_of_users(int(user.max()) + 1, resamples):
        aucs.append(_weighted_auc(ranked, times_drawn[user].astype(float)))
    return np.array(aucs)


def times_drawn_of_users(users: int, resamples: int) -> Iterator[np.ndarray]:
    """How often each user is drawn, int64 [users], with replacement: the same draws each time."""
    rng = np.random.default_rng(0)
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, users, users), minlength=users)


def paired_interval(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]
) -> tuple[float, float]:
    """The 95 % bootstrap interval of the difference in AUC, ours minus theirs, averaged over seeds.

    Args:
        ours: `resampled_auc` of each seed; the seeds are taken as they are.
        theirs: The same of another model.
    """
    return interval_of(np.mean(ours, axis=0) - np.mean(theirs, axis=0))


def interval_of(differences: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of resampled differences, of which those that are NaN don't count."""
    if np.isnan(differences).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(differences, [2.5, 97.5])
    return float(low), float(high)


def _sorted(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of the scores, the labels in it, and where runs of equal scores begin."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return order, labels[order] > 0.5, starts


def _weighted_auc(ranked: tuple[np.ndarray, np.ndarray, np.ndarray], weights: np.ndarray) -> float:
    """AUC where candidate i counts weights[i] times."""
    order, positive, starts = ranked
    weight = weights[order]
    up = np.add.reduceat(weight * positive, starts)
    down = np.add.reduceat(weight * ~positive, starts)
    # A positive outranks all negatives of lower scores, and half of those of its own score.
    below = np.cumsum(down) - down
    total = up.sum() * down.sum()
    return float((up * (below + down / 2)).sum() / total) if total else float("nan")
