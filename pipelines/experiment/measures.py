"""What is reported of predictions: metrics overall and by slice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipelines.metrics import METRICS

Predictions = Mapping[str, np.ndarray]


def measure(rows: Predictions, task: str) -> dict[str, float]:
    """All of METRICS."""
    labels, scores, users = rows[f"label_{task}"], rows[f"score_{task}"], rows["user"]
    return {key: metric.of_rows(labels, scores, users) for key, metric in METRICS.items()}


def slices(rows: Predictions) -> dict[str, np.ndarray]:
    """Boolean [candidates] by slice: item popularity, history length where rows have it, new users."""
    found = {
        f"items: {name}": rows["popularity"] == name
        for name in ("head", "middle", "tail", "unseen")
    }
    if "history" in rows:
        found |= {
            f"history: {name}": rows["history"] == name for name in ("0", "1-9", "10-49", "50+")
        }
    return found | {"new users": rows["is_new_user"], "known users": ~rows["is_new_user"]}
