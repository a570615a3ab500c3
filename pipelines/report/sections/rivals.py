"""The simplest rivals on the same test candidates: popularity, and boosted trees on counts."""

from __future__ import annotations

from pipelines.counts.found import Counts, TaskCounts
from pipelines.report.blocks import Section, Table
from pipelines.report.results import RunMetrics, RunResults
from pipelines.report.rivals import losses, read_by
from pipelines.text import MISSING, decimal, signed

_HEADER = [
    "Task",
    "This model",
    "Popularity",
    "Trees on counts",
    "Points over the trees",
    "95 % interval",
]


def rivals_section(results: RunResults) -> Section:
    """The section on rivals."""
    metrics = results.metrics
    counts = metrics.rivals.counts if metrics.rivals else None
    rows = [_row(metrics, task, counts) for task in metrics.tasks]
    return Section(
        anchor="rivals",
        title="What counts alone give",
        finding=" ".join([*losses(metrics), _finding(metrics, counts)]),
        tables=[Table("Test AUC of what needs no ranker", _HEADER, rows)],
    )


def _finding(metrics: RunMetrics, counts: Counts | None) -> str:
    if metrics.rivals is None:
        return "This report's run had no rivals: an older version made it."
    if counts is None:
        return "Boosted trees on counts were not asked for (evaluation.counts_rows: 0)."
    if counts.missing is not None:
        return f"Boosted trees on counts weren't trained to compare with. {counts.missing}."
    return (
        "The trees see numbers, match features and how often each word was shown and chosen, no "
        f"vectors. {read_by(counts)}"
    )


def _row(metrics: RunMetrics, task: str, counts: Counts | None) -> list[str]:
    popularity = metrics.rivals.popularity.get(task) if metrics.rivals else None
    found = counts.tasks.get(task) if counts else None
    cells = [task, decimal(metrics.tasks[task].auc), decimal(popularity)]
    if found is None:
        return [*cells, MISSING, MISSING, MISSING]
    return [*cells, decimal(found.auc), signed(found.points, 2), _interval(found)]


def _interval(found: TaskCounts) -> str:
    return f"{signed(found.low, 2)} to {signed(found.high, 2)}"
