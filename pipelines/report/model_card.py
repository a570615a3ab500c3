"""The model card: what a model was trained on, how good it is, and where not to trust it; written beside it."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import jinja2

from pipelines.report.results import RunResults
from pipelines.text import count, day, decimal, finite, percent

CARD = "model_card.md"
ENOUGH = 500  # candidates; the AUC of fewer is too uncertain to rely on
_SPLITS = {"train": "training", "validation": "early stopping", "test": "the metrics below"}


def model_card(results: RunResults) -> str:
    """The card as Markdown."""
    metrics, data = finite(results.metrics), results.data
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("model_card.md").render(
        metrics=metrics,
        config=metrics["config"],
        config_hash=config_hash(metrics["config"]),
        today=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        data=data,
        findings=results.checks["findings"],
        splits=_SPLITS,
        tasks={task: _task(metrics, data, task) for task in metrics["tasks"]},
        weak=[line for task in metrics["tasks"] for line in _weak(metrics["tasks"][task], task)],
        count=count,
        day=day,
        decimal=decimal,
        percent=percent,
    )


def config_hash(config: dict[str, Any]) -> str:
    """The first 12 digits of a hash that changes with any setting."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def auc_interval(auc: float | None, positives: float, negatives: float) -> tuple[float, float] | None:
    """The 95 % interval of an AUC by Hanley and McNeil (Radiology 143, 1982), which takes candidates as independent."""
    if auc is None or positives < 1 or negatives < 1:
        return None
    two_positives, two_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (two_positives - auc**2) + (negatives - 1) * (two_negatives - auc**2)
    half = 1.96 * math.sqrt(variance / (positives * negatives))
    return max(auc - half, 0.0), min(auc + half, 1.0)


def _task(metrics: dict[str, Any], data: dict[str, Any], task: str) -> dict[str, Any]:
    ours, without, test = metrics["tasks"][task], metrics["baseline_without_encoder"][task], data["splits"]["test"]
    positives = test["candidates"] * test["label_rate"].get(task, 0.0)
    return {
        "ours": ours,
        "without": without,
        "interval": _range(ours["auc"], test["candidates"], positives),
        "without_interval": _range(without["auc"], test["candidates"], positives),
        "slices": [
            (f"{feature}: {value or '(empty)'}", found, _range(found["auc"], found["candidates"], found["positives"]))
            for feature, values in ours["slices"].items()
            for value, found in values.items()
        ],
    }


def _range(auc: float | None, candidates: float, positives: float) -> str:
    interval = auc_interval(auc, positives, candidates - positives)
    return "–" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def _weak(ours: dict[str, Any], task: str) -> list[str]:
    """What the slices say of where the model is weak, or unknown."""
    named = [
        (f"{feature} {value}", found) for feature, values in ours["slices"].items() for value, found in values.items()
    ]
    large = [
        (found["auc"], name) for name, found in named if found["candidates"] >= ENOUGH and found["auc"] is not None
    ]
    small = [name for name, found in named if found["candidates"] < ENOUGH]
    lines = (
        [f"“{task}”: of the large slices, {min(large)[1]} is ranked worst (AUC {min(large)[0]:.4f})."] if large else []
    )
    if small:
        lines.append(f"“{task}”: too few test candidates to tell (under {ENOUGH}): {', '.join(small)}.")
    return lines
