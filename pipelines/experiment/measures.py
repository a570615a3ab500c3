"""What is reported of predictions: metrics overall and by slice, and how sure a difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.metrics import METRICS

Predictions = Mapping[str, np.ndarray]


def measure(rows: Predictions, task: str) -> dict[str, float]:
    """All of METRICS."""
    labels, scores, users = rows[f"label_{task}"], rows[f"score_{task}"], rows["user"]
    return {key: metric.of_rows(labels, scores, users) for key, metric in METRICS.items()}


def slices(rows: Predictions) -> dict[str, np.ndarray]:
    """Boolean [candidates] by slice: item popularity, history length where rows have it, new users."""
    found = {f"items: {name}": rows["popularity"] == name for name in ("head", "middle", "tail", "unseen")}
    if "history" in rows:
        found |= {f"history: {name}": rows["history"] == name for name in ("0", "1-9", "10-49", "50+")}
    return found | {"new users": rows["is_new_user"], "known users": ~rows["is_new_user"]}


def resampled_auc(rows: Predictions, task: str, resamples: int) -> np.ndarray:
    """[resamples] AUC on users drawn with replacement, each with all its candidates.

    The draws depend on nothing but the users, so that those of two models or seeds on the same candidates are paired.

    Args:
        rows: A model's predictions with one seed, or those of a slice.
        task: The task.
        resamples: How often users are drawn.
    """
    _, user = np.unique(rows["user"], return_inverse=True)
    ranked = _sorted(rows[f"label_{task}"], rows[f"score_{task}"])
    rng, count = np.random.default_rng(0), user.max() + 1
    draws = (np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(resamples))
    return np.array([_weighted_auc(ranked, times[user].astype(float)) for times in draws])


def paired_interval(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the difference in AUC, ours minus theirs, averaged over seeds.

    Args:
        ours: `resampled_auc` a seed; the seeds are taken as they are.
        theirs: The same of another model.
    """
    low, high = np.nanpercentile(np.mean(ours, axis=0) - np.mean(theirs, axis=0), [2.5, 97.5])
    return float(low), float(high)


def _sorted(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of the scores, the labels in it, and where runs of equal scores begin."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    return order, labels[order] > 0.5, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _weighted_auc(ranked: tuple[np.ndarray, np.ndarray, np.ndarray], weights: np.ndarray) -> float:
    """AUC where candidate i counts weights[i] times."""
    order, positive, starts = ranked
    weight = weights[order]
    up = np.add.reduceat(weight * positive, starts)
    down = np.add.reduceat(weight * ~positive, starts)
    below = np.cumsum(down) - down
    total = up.sum() * down.sum()
    return float((up * (below + down / 2)).sum() / total) if total else float("nan")
