"""The metrics of every report: a run's, a comparison's and an experiment's.

A new one is a row of METRICS.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np

from preprocessing.plugins import load, plugins
from trainer import metrics

Direction = Literal["higher is better", "lower is better", "1 is right"]
OfRows = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric of a task on the test split.

    Attributes:
        key: Its name in files and tables.
        title: Its name in sentences and headings.
        definition: What it is, in full.
        direction: Which values are good.
        of_rows: Computes it from labels, probabilities and user ids, each [candidates].
    """

    key: str
    title: str
    definition: str
    direction: Direction
    of_rows: OfRows

    @property
    def heading(self) -> str:
        """AUC (higher is better)."""
        return f"{self.title} ({self.direction})"

    @property
    def sentence(self) -> str:
        """AUC: the chance that ..."""
        return f"{self.title}: {self.definition}"


_ALL = (
    Metric(
        key="auc",
        title="AUC",
        definition="the chance that a positive candidate outranks a negative one, ties counting "
        "half",
        direction="higher is better",
        of_rows=lambda labels, scores, users: metrics.auc(labels, scores),
    ),
    Metric(
        key="gauc",
        title="GAUC",
        definition="the mean of the users' own AUC, weighted by their candidates; "
        "users with one kind of label left out",
        direction="higher is better",
        of_rows=metrics.gauc,
    ),
    Metric(
        key="logloss",
        title="Logloss",
        definition="mean cross-entropy in nats",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.logloss(labels, scores),
    ),
    Metric(
        key="ne",
        title="Normalised entropy",
        definition="logloss over that of always predicting the share of positives",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.normalised_entropy(labels, scores),
    ),
    Metric(
        key="calibration",
        title="Calibration",
        definition="mean prediction over the share of positives; 1 is right",
        direction="1 is right",
        of_rows=lambda labels, scores, users: metrics.calibration(labels, scores),
    ),
)
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
METRICS |= {name: load(path) for name, path in plugins("metrics", METRICS).items()}
