"""Whether predictions can be read as probabilities."""

from __future__ import annotations

from typing import Any

from pipelines.report.blocks import MODELS, Picture, Section, Table
from pipelines.report.curves import reliability
from pipelines.report.results import RunResults
from pipelines.text import decimal, percent

_Buckets = list[tuple[float, float, float]]


def calibration_section(results: RunResults) -> Section:
    """The section on calibration."""
    tasks = list(results.metrics["tasks"])
    return Section(
        anchor="calibration",
        title="Calibration",
        finding=" ".join(_finding(task, results.metrics) for task in tasks),
        pictures=[_picture(i, task, results) for i, task in enumerate(tasks)],
        tables=[_table(results)],
    )


def _finding(task: str, metrics: dict[str, Any]) -> str:
    ours, without = (metrics[key][task]["calibration"] for key in ("tasks", "baseline_without_encoder"))
    return f"Predictions of “{task}” are, on average, {_off(ours)} with the encoder and {_off(without)} without it."


def _off(ratio: float | None) -> str:
    if ratio is None:
        return "of unknown calibration"
    if abs(ratio - 1) < 0.01:
        return "right to within 1 %"
    return f"{percent(abs(ratio - 1))} too {'high' if ratio > 1 else 'low'}"


def _buckets(results: RunResults, model: str, task: str) -> _Buckets:
    return [bucket for bucket in results.calibration[model].get(task, []) if None not in bucket]


def _error(buckets: _Buckets) -> float | None:
    """Expected calibration error: mean distance of a bucket's prediction from its labels, by candidates."""
    total = sum(n for _, _, n in buckets)
    return sum(n * abs(predicted - label) for predicted, label, n in buckets) / total if total else None


def _picture(index: int, task: str, results: RunResults) -> Picture:
    models = {label: _buckets(results, key, task) for key, label in MODELS.items()}
    finding = _worst(models[MODELS["with_encoder"]])
    return Picture(f"Reliability, “{task}”", finding, reliability(f"reliability-{index}", models))


def _worst(buckets: _Buckets) -> str:
    if not buckets:
        return "No bucket of predictions was counted."
    total = sum(n for _, _, n in buckets)
    predicted, label, n = max(buckets, key=lambda bucket: bucket[2] * abs(bucket[0] - bucket[1]))
    return (
        f"On the dotted line predictions equal labels. With the encoder, most of the error is where predictions are "
        f"about {decimal(predicted, 2)} ({percent(n / total)} of the candidates): there the label rate is "
        f"{decimal(label, 2)}."
    )


def _table(results: RunResults) -> Table:
    metrics = {"with_encoder": results.metrics["tasks"], "without_encoder": results.metrics["baseline_without_encoder"]}
    rows = [
        [
            f"{label}, “{task}”",
            decimal(metrics[key][task]["calibration"], 3),
            decimal(_error(_buckets(results, key, task))),
            decimal(metrics[key][task]["logloss"]),
        ]
        for task in results.metrics["tasks"]
        for key, label in MODELS.items()
    ]
    return Table("Calibration on the test split", ["Ranker, task", "Ratio", "Error", "Logloss"], rows)
