"""The model card, which is written beside a model.

It says what the model was trained on, how good it is, and where not to trust it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from pipelines.counts.sliced import ENOUGH
from pipelines.metrics import METRICS
from pipelines.report.encoder import encoder_lines
from pipelines.report.results import RunResults, Slice, TaskMetrics
from pipelines.report.rivals import losses, rival_lines
from pipelines.text import count, day, decimal, percent

CARD = "model_card.md"
_SPLITS = {"train": "training", "validation": "early stopping", "test": "the metrics below"}


class _Task(NamedTuple):
    """What the card says of a task.

    Attributes:
        metrics: (title, values with and without the encoder, their intervals).
        slices: (name, what was found, the AUC's interval).
    """

    metrics: list[tuple[str, tuple[float | None, float | None], tuple[str, str]]]
    slices: list[tuple[str, Slice, str]]


def model_card(results: RunResults) -> str:
    """The card as Markdown."""
    metrics = results.metrics
    data = results.data
    weak = []
    for task, ours in metrics.tasks.items():
        weak += _weak(ours, task)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("model_card.md").render(
        metrics=metrics,
        config=metrics.config,
        config_hash=config_hash(metrics.config),
        today=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        data=data,
        findings=results.checks.findings,
        splits=_SPLITS,
        tasks={task: _task(results, task) for task in metrics.tasks},
        weak=weak,
        losses=[*losses(metrics), *encoder_lines(metrics)],
        rivals=rival_lines(metrics),
        definitions=[metric.sentence for metric in METRICS.values()],
        count=count,
        day=day,
        decimal=decimal,
        percent=percent,
    )


def config_hash(config: dict[str, Any]) -> str:
    """The first 12 digits of a hash that changes with any setting."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def auc_interval(
    auc: float | None, positives: float, negatives: float
) -> tuple[float, float] | None:
    """The 95 % interval of an AUC, by Hanley and McNeil (Radiology 143, 1982).

    It takes candidates as independent.
    """
    if auc is None or positives < 1 or negatives < 1:
        return None
    # The chance that two positives outrank a negative, and that a positive outranks two negatives.
    two_positives = auc / (2 - auc)
    two_negatives = 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc)
        + (positives - 1) * (two_positives - auc**2)
        + (negatives - 1) * (two_negatives - auc**2)
    )
    half = 1.96 * math.sqrt(variance / (positives * negatives))
    return max(auc - half, 0.0), min(auc + half, 1.0)


def _task(results: RunResults, task: str) -> _Task:
    ours = results.metrics.tasks[task]
    without = results.metrics.baseline_without_encoder[task]
    test = results.data.splits["test"]
    positives = test.candidates * test.label_rate.get(task, 0.0)
    auc_intervals = (
        _range(ours.auc, test.candidates, positives),
        _range(without.auc, test.candidates, positives),
    )
    metrics = []
    for key, metric in METRICS.items():
        intervals = auc_intervals if key == "auc" else ("", "")
        metrics.append((metric.title, (ours.score(key), without.score(key)), intervals))
    slices = []
    for feature, values in ours.slices.items():
        for value, found in values.items():
            interval = _range(found.auc, found.candidates, found.positives)
            slices.append((f"{feature}: {value or '(empty)'}", found, interval))
    return _Task(metrics, slices)


def _range(auc: float | None, candidates: float, positives: float) -> str:
    interval = auc_interval(auc, positives, candidates - positives)
    return "–" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def _weak(ours: TaskMetrics, task: str) -> list[str]:
    """What the slices say of where the model is weak, or unknown."""
    large = []
    small = []
    for feature, values in ours.slices.items():
        for value, found in values.items():
            name = f"{feature} {value}"
            if found.candidates < ENOUGH:
                small.append(name)
            elif found.auc is not None:
                large.append((found.auc, name))
    lines = []
    if large:
        auc, worst = min(large)
        lines.append(f"“{task}”: of the large slices, {worst} is ranked worst (AUC {auc:.4f}).")
    if small:
        lines.append(
            f"“{task}”: too few test candidates to tell (under {ENOUGH}): {', '.join(small)}."
        )
    return lines
