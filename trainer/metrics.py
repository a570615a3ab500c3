"""Ranking metrics, exact, in NumPy."""

from __future__ import annotations

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative, ties counting half.

    Args:
        labels: 0 or 1, [n].
        scores: Any real numbers, [n].

    Returns:
        NaN where all labels are alike.
    """
    positive = np.asarray(labels) > 0.5
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    mean_rank = last_rank - (counts - 1) / 2
    return float(
        (mean_rank[position][positive].sum() - positives * (positives + 1) / 2)
        / (positives * negatives)
    )


def gauc(labels: np.ndarray, scores: np.ndarray, users: np.ndarray) -> float:
    """Mean of the users' own AUC, weighted by their candidates; users with one kind of label are left out."""
    order = np.argsort(users, kind="stable")
    starts = np.flatnonzero(np.r_[True, users[order][1:] != users[order][:-1]])[1:]
    groups = np.split(order, starts)
    values = np.array([auc(labels[group], scores[group]) for group in groups])
    weights = np.array([len(group) for group in groups], float)
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else float("nan")


def logloss(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean cross-entropy of probabilities, in nats; probabilities are kept 1e-7 away from 0 and 1."""
    chances = np.clip(np.asarray(scores, float), 1e-7, 1 - 1e-7)
    positive = np.asarray(labels) > 0.5
    return float(-np.where(positive, np.log(chances), np.log1p(-chances)).mean())


def normalised_entropy(labels: np.ndarray, scores: np.ndarray) -> float:
    """The logloss over that of always predicting the share of positives (He et al., ADKDD 2014); NaN without both."""
    share = float((np.asarray(labels) > 0.5).mean())
    if share in (0.0, 1.0):
        return float("nan")
    return logloss(labels, scores) / logloss(labels, np.full(len(labels), share))


def calibration(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean prediction over the share of positives: above 1 promises too much; NaN without positives."""
    share = float((np.asarray(labels) > 0.5).mean())
    return float(np.mean(scores)) / share if share else float("nan")
