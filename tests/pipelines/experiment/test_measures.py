"""The names of measures and slices, and whom slices hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipelines.experiment.measures import measure, slices
from pipelines.metrics import METRICS

Rows = dict[str, Any]


def _rows(noise: float, seed: int, users: int = 100, each: int = 12) -> Rows:
    """Candidates whose score is the label and some noise."""
    labels = np.random.default_rng(7).integers(0, 2, users * each).astype(float)
    scores = 1 / (1 + np.exp(-(labels + np.random.default_rng(seed).normal(0, noise, len(labels)))))
    return {
        "label_click": labels,
        "score_click": scores,
        "user": np.repeat([f"u{n}" for n in range(users)], each),
        "popularity": np.resize(["head", "tail"], users * each),
        "history": np.resize(["0", "50+", "50+"], users * each),
        "is_new_user": np.repeat(np.arange(users) < 5, each),
    }


def test_measures_and_slices_have_their_names() -> None:
    rows = _rows(1, 1)
    assert set(measure(rows, "click")) == set(METRICS)
    chosen = slices(rows)
    assert [chosen[name].sum() for name in ("items: head", "history: 50+", "new users")] == [
        600,
        800,
        60,
    ]
    assert (chosen["new users"] | chosen["known users"]).all()
