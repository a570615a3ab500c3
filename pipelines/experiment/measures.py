"""What is reported of predictions: metrics overall and by slice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.metrics import METRICS

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
    for name in ("head", "middle", "tail", "unseen"):
        found[f"items: {name}"] = rows["popularity"] == name
    if "history" in rows:
        for name in ("0", "1-9", "10-49", "50+"):
            found[f"history: {name}"] = rows["history"] == name
    found["new users"] = rows["is_new_user"]
    found["known users"] = ~rows["is_new_user"]
    return found
