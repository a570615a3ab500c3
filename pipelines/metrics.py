"""The metrics of every report: a run's, a comparison's, an experiment's. A new one is a row of METRICS."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from preprocessing.plugins import load, plugins
from trainer import metrics

Direction = Literal["higher is better", "lower is better", "1 is right"]
OfRows = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
Evaluated = Mapping[str, float | None]
"""What a run's Evaluator computed, by TFMA's names; None where it is undefined."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric of a task on the test split.

    Attributes:
        key: Its name in files and tables.
        title: Its name in sentences and headings.
        definition: What it is, in full.
        direction: Which values are good.
        of_rows: Computes it from labels, probabilities and user ids, each [candidates].
        of_evaluation: Takes it from a run's evaluation.
        evaluated_by: The TFMA metrics that `of_evaluation` needs, besides AUC and GAUC.
    """

    key: str
    title: str
    definition: str
    direction: Direction
    of_rows: OfRows
    of_evaluation: Callable[[Evaluated], float | None]
    evaluated_by: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """AUC (higher is better)."""
        return f"{self.title} ({self.direction})"

    @property
    def sentence(self) -> str:
        """AUC: the chance that ..."""
        return f"{self.title}: {self.definition}"


def _normalised_entropy(evaluated: Evaluated) -> float | None:
    logloss, share = evaluated["binary_crossentropy"], evaluated["mean_label"]
    if logloss is None or share is None or not 0 < share < 1:
        return None
    chance = -share * math.log(share) - (1 - share) * math.log1p(-share)
    return logloss / chance


_ALL = (
    Metric(
        key="auc",
        title="AUC",
        definition="the chance that a positive candidate outranks a negative one, ties counting half",
        direction="higher is better",
        of_rows=lambda labels, scores, users: metrics.auc(labels, scores),
        of_evaluation=lambda evaluated: evaluated["auc"],
    ),
    Metric(
        key="gauc",
        title="GAUC",
        definition="the mean of the users' own AUC, weighted by their candidates; "
        "users with one kind of label left out",
        direction="higher is better",
        of_rows=metrics.gauc,
        of_evaluation=lambda evaluated: evaluated["gauc"],
    ),
    Metric(
        key="logloss",
        title="Logloss",
        definition="mean cross-entropy in nats",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.logloss(labels, scores),
        of_evaluation=lambda evaluated: evaluated["binary_crossentropy"],
        evaluated_by=("BinaryCrossEntropy",),
    ),
    Metric(
        key="ne",
        title="Normalised entropy",
        definition="logloss over that of always predicting the share of positives",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.normalised_entropy(labels, scores),
        of_evaluation=_normalised_entropy,
        evaluated_by=("BinaryCrossEntropy", "MeanLabel"),
    ),
    Metric(
        key="calibration",
        title="Calibration",
        definition="mean prediction over the share of positives; 1 is right",
        direction="1 is right",
        of_rows=lambda labels, scores, users: metrics.calibration(labels, scores),
        of_evaluation=lambda evaluated: evaluated["calibration"],
        evaluated_by=("Calibration",),
    ),
)
METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
METRICS |= {name: load(path) for name, path in plugins("metrics", METRICS).items()}
