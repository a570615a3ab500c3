"""The simplest rivals on the same test candidates: popularity, and boosted trees on counts."""

from __future__ import annotations

from pipelines.counts.found import Counts
from pipelines.report.blocks import Section, Table
from pipelines.report.results import RunMetrics, RunResults
from pipelines.report.rivals import losses, read_by
from pipelines.text import MISSING, decimal, difference, interval, points, signed

_HEADER = ["Ranked by", "AUC", "Points over it", "95 % interval"]


def rivals_section(results: RunResults) -> Section:
    """The section on rivals."""
    metrics = results.metrics
    counts = metrics.rivals.counts if metrics.rivals else None
    return Section(
        anchor="rivals",
        title="What counts alone give",
        finding=" ".join([*losses(metrics), _finding(metrics, counts)]),
        tables=[_table(metrics, task, counts) for task in metrics.tasks],
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


def _table(metrics: RunMetrics, task: str, counts: Counts | None) -> Table:
    """The rivals of a task, below one another: so that a phone shows the intervals."""
    ours = metrics.tasks[task].auc
    popularity = metrics.rivals.popularity.get(task) if metrics.rivals else None
    over = points(difference(ours, popularity))
    rows = [
        ["This model", decimal(ours), MISSING, MISSING],
        ["Popularity alone", decimal(popularity), over, MISSING],
    ]
    found = counts.tasks.get(task) if counts else None
    if found is not None:
        sure = interval(found.low, found.high)
        rows.append(["Trees on counts", decimal(found.auc), signed(found.points, 2), sure])
    return Table(f"Test AUC for “{task}”: this model, and what needs no ranker", _HEADER, rows)
