"""What is said of probabilities that are worse with the encoder, whatever the ranking is."""

from __future__ import annotations

from pipelines.report.results import Interval, RunMetrics
from pipelines.text import decimal, difference

LOGLOSS = "logloss"
CALIBRATION = "calibration"

# Smaller differences aren't worth a word.
_LEAST = {LOGLOSS: 0.00005, CALIBRATION: 0.005}
_DIGITS = {LOGLOSS: 4, CALIBRATION: 3}
_NOTES = {LOGLOSS: "", CALIBRATION: ", where 1 is right"}


def worse_line(task: str, metrics: RunMetrics) -> str:
    """A sentence on a task's metrics of probabilities that are worse with the encoder.

    It is empty where none is.
    """
    ours = metrics.tasks[task]
    without = metrics.baseline_without_encoder[task]
    found = []
    for key, least in _LEAST.items():
        a = ours.score(key)
        b = without.score(key)
        worse = difference(_badness(key, a), _badness(key, b))
        if worse is not None and worse >= least:
            digits = _DIGITS[key]
            interval = metrics.probabilities.get(task, {}).get(key)
            beside = f"{decimal(a, digits)} against {decimal(b, digits)}{_NOTES[key]}"
            found.append(f"{key} ({beside}{_sure(interval)})")
    if not found:
        return ""
    return f"Worse with the encoder than without for “{task}”: {' and '.join(found)}."


def _badness(key: str, value: float | None) -> float | None:
    """How far a metric is from its best."""
    return abs(value - 1) if key == CALIBRATION and value is not None else value


def _sure(interval: Interval | None) -> str:
    """Whether it may be chance; nothing where that isn't known."""
    if interval is None or interval.low is None:
        return ""
    return "; beyond chance" if interval.low > 0 else "; it may be chance"
