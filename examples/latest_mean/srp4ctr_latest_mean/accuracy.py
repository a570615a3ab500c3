"""A metric of every report: how often a probability is on the right side of a half."""

from __future__ import annotations

import numpy as np

from pipelines.metric import Metric

ACCURACY = Metric(
    title="Accuracy",
    definition=(
        "how often the probability is over a half of what is positive, and under it of what is not"
    ),
    direction="higher is better",
    of_rows=lambda labels, scores, users: float(np.mean((scores > 0.5) == (labels > 0.5))),
)
