"""Whether predictions can be read as probabilities."""

from __future__ import annotations

from pipelines.report.blocks import MODELS, Picture, Section, Table
from pipelines.report.curves import reliability
from pipelines.report.results import WITH_ENCODER, RunMetrics, RunResults
from pipelines.text import decimal, percent

_Buckets = list[tuple[float, float, float]]


def calibration_section(results: RunResults) -> Section:
    """The section on calibration."""
    tasks = list(results.metrics.tasks)
    return Section(
        anchor="calibration",
        title="Calibration",
        finding=" ".join(_finding(task, results.metrics) for task in tasks),
        pictures=[_picture(i, task, results) for i, task in enumerate(tasks)],
        tables=[_table(results)],
    )


def _finding(task: str, metrics: RunMetrics) -> str:
    ours = metrics.tasks[task].score("calibration")
    without = metrics.baseline_without_encoder[task].score("calibration")
    return (
        f"Predictions of “{task}” are, on average, {_off(ours)} with the encoder and "
        f"{_off(without)} without it."
    )


def _off(ratio: float | None) -> str:
    if ratio is None:
        return "of unknown calibration"
    if abs(ratio - 1) < 0.01:
        return "right to within 1 %"
    return f"{percent(abs(ratio - 1))} too {'high' if ratio > 1 else 'low'}"


def _buckets(results: RunResults, model: str, task: str) -> _Buckets:
    """The buckets of a model and task whose means are known."""
    known = []
    for score, label, n in results.calibration[model].get(task, []):
        if score is not None and label is not None:
            known.append((score, label, n))
    return known


def _error(buckets: _Buckets) -> float | None:
    """Expected calibration error.

    It is the mean distance of a bucket's prediction from its labels, weighted by candidates.
    """
    candidates = 0.0
    distance = 0.0
    for predicted, label, n in buckets:
        candidates += n
        distance += n * abs(predicted - label)
    return distance / candidates if candidates else None


def _picture(index: int, task: str, results: RunResults) -> Picture:
    models = {label: _buckets(results, key, task) for key, label in MODELS.items()}
    finding = _worst(models[MODELS[WITH_ENCODER]])
    return Picture(f"Reliability, “{task}”", finding, reliability(f"reliability-{index}", models))


def _worst(buckets: _Buckets) -> str:
    if not buckets:
        return "No bucket of predictions was counted."
    total = sum(n for _, _, n in buckets)
    predicted, label, n = max(buckets, key=lambda bucket: bucket[2] * abs(bucket[0] - bucket[1]))
    return (
        "On the dotted line predictions equal labels. With the encoder, most of the error is where "
        f"predictions are about {decimal(predicted, 2)} ({percent(n / total)} of the candidates): "
        f"there the label rate is {decimal(label, 2)}."
    )


def _table(results: RunResults) -> Table:
    models = results.metrics.models
    rows = []
    for task in results.metrics.tasks:
        for key, label in MODELS.items():
            scores = models[key][task]
            row = [
                f"{label}, “{task}”",
                decimal(scores.score("calibration"), 3),
                decimal(_error(_buckets(results, key, task))),
                decimal(scores.score("logloss")),
            ]
            rows.append(row)
    return Table(
        "Calibration on the test split", ["Ranker, task", "Ratio", "Error", "Logloss"], rows
    )
