"""Ranking metrics, exact, in NumPy."""

from __future__ import annotations

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative.

    Ties count half.

    Args:
        labels: 0 or 1, [n].
        scores: Any real numbers, [n].

    Returns:
        NaN where all labels are alike.

    Example:
        >>> auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
        0.75
    """
    positive = np.asarray(labels) > 0.5
    positives = int(positive.sum())
    negatives = int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # Scores that are equal share the mean of their ranks, which counts ties as a half.
    last_rank = np.cumsum(counts)
    mean_rank = last_rank - (counts - 1) / 2
    # By ranks (Mann and Whitney): the sum of the positives' ranks, above the least it could be.
    outranked = mean_rank[position][positive].sum() - positives * (positives + 1) / 2
    return float(outranked / (positives * negatives))


def gauc(labels: np.ndarray, scores: np.ndarray, users: np.ndarray) -> float:
    """Mean of the users' own AUC, weighted by how many candidates they have.

    Users whose labels are all alike are left out; NaN where all are.
    """
    _, user = np.unique(users, return_inverse=True)
    order = np.lexsort((scores, user))
    user = user[order]
    scores = np.asarray(scores)[order]
    positive = np.asarray(labels)[order] > 0.5
    candidates = np.bincount(user)
    positives = np.bincount(user, positive)
    negatives = candidates - positives

    # Ranks run on from user to user, and ties share their mean: what is below a user is taken off.
    is_tie = (user[1:] == user[:-1]) & (scores[1:] == scores[:-1])
    tie = np.cumsum(np.r_[True, ~is_tie][: len(user)]) - 1
    tied = np.bincount(tie)
    mean_rank = np.cumsum(tied) - (tied - 1) / 2
    ranks_below = np.cumsum(candidates) - candidates
    rank = mean_rank[tie] - ranks_below[user]

    known = (positives > 0) & (negatives > 0)
    if not known.any():
        return float("nan")
    pairs_won = np.bincount(user, rank * positive) - positives * (positives + 1) / 2
    aucs = pairs_won[known] / (positives * negatives)[known]
    return float(np.average(aucs, weights=candidates[known]))


def logloss(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean cross-entropy of probabilities, in nats.

    Probabilities are kept 1e-7 away from 0 and 1.
    """
    return float(losses(labels, scores).mean())


def losses(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The cross-entropy of each probability, see `logloss`."""
    chances = np.clip(np.asarray(scores, float), 1e-7, 1 - 1e-7)
    positive = np.asarray(labels) > 0.5
    return -np.where(positive, np.log(chances), np.log1p(-chances))


def normalised_entropy(labels: np.ndarray, scores: np.ndarray) -> float:
    """The logloss over that of always predicting the share of positives.

    See He et al., ADKDD 2014. NaN without both positives and negatives.
    """
    share = float((np.asarray(labels) > 0.5).mean())
    if share in (0.0, 1.0):
        return float("nan")
    return logloss(labels, scores) / logloss(labels, np.full(len(labels), share))


def calibration(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean prediction over the share of positives: above 1 promises too much.

    NaN without positives.
    """
    share = float((np.asarray(labels) > 0.5).mean())
    return float(np.mean(scores)) / share if share else float("nan")
