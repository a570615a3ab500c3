"""What is reported of predictions: metrics overall and by slice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.metrics import METRICS
from trainer.slices import HISTORY_SLICES, POPULARITY, POPULARITY_SLICES

Predictions = Mapping[str, np.ndarray]


def measure(rows: Predictions, task: str) -> dict[str, float]:
    """All of METRICS of one task, by their keys."""
    labels = rows[f"label_{task}"]
    scores = rows[f"score_{task}"]
    users = rows["user"]
    return {key: metric.of_rows(labels, scores, users) for key, metric in METRICS.items()}


def slices(rows: Predictions) -> dict[str, np.ndarray]:
    """Which candidates are in each slice, boolean [candidates].

    There are slices by item popularity, by history length where rows have it, and of new users.
    """
    found = {}
    for name in POPULARITY_SLICES:
        found[f"items: {name}"] = rows[POPULARITY] == name
    if "history" in rows:
        for name in HISTORY_SLICES:
            found[f"history: {name}"] = rows["history"] == name
    found["new users"] = rows["is_new_user"]
    found["known users"] = ~rows["is_new_user"]
    return found
