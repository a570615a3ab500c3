"""The metrics of every report: a run's, a comparison's and an experiment's.

A new one is a row of METRICS, or an entry point of another package.
"""

from __future__ import annotations

from pipelines.metric import Metric
from preprocessing.plugins import load, plugins
from trainer import metrics

# By their names in files and tables, in the order of the reports.
METRICS = {
    "auc": Metric(
        title="AUC",
        definition="the chance that a positive candidate outranks a negative one, ties counting "
        "half",
        direction="higher is better",
        of_rows=lambda labels, scores, users: metrics.auc(labels, scores),
    ),
    "gauc": Metric(
        title="GAUC",
        definition="the mean of the users' own AUC, weighted by their candidates; "
        "users with one kind of label left out",
        direction="higher is better",
        of_rows=metrics.gauc,
    ),
    "logloss": Metric(
        title="Logloss",
        definition="mean cross-entropy in nats",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.logloss(labels, scores),
    ),
    "ne": Metric(
        title="Normalised entropy",
        definition="logloss over that of always predicting the share of positives",
        direction="lower is better",
        of_rows=lambda labels, scores, users: metrics.normalised_entropy(labels, scores),
    ),
    "calibration": Metric(
        title="Calibration",
        definition="mean prediction over the share of positives; 1 is right",
        direction="1 is right",
        of_rows=lambda labels, scores, users: metrics.calibration(labels, scores),
    ),
}
METRICS |= {name: load(path) for name, path in plugins("metrics", METRICS).items()}
