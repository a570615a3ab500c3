"""What the encoder is worth: AUC with and without it, a task at a time."""

from __future__ import annotations

from pipelines.counts.found import Gain
from pipelines.metrics import METRICS
from pipelines.report.blocks import WITH, WITHOUT, Section, Table, Tile
from pipelines.report.encoder import encoder_lines, gains, interval
from pipelines.report.results import RunMetrics, RunResults, TaskMetrics
from pipelines.report.rivals import losses
from pipelines.text import count, decimal, difference, points, signed


def headline(results: RunResults) -> Section:
    """The page's first section."""
    metrics = results.metrics
    tasks, without = metrics.tasks, metrics.baseline_without_encoder
    several = len(tasks) > 1
    fair = "same budget and seed" if metrics.started_from is None else "trained from nothing"
    return Section(
        anchor="result",
        title="What the encoder is worth",
        finding=" ".join(
            [
                *losses(metrics),
                *encoder_lines(metrics),
                *(
                    _finding(task, tasks[task], without[task], fair, gains(metrics).get(task))
                    for task in tasks
                ),
                _bar(metrics),
            ]
        ),
        tiles=[
            tile
            for task in tasks
            for tile in _tiles(task if several else "", tasks[task], without[task])
        ],
        tables=[_table(task, tasks[task], without[task]) for task in tasks],
    )


def _finding(
    task: str, ours: TaskMetrics, without: TaskMetrics, how: str, paired: Gain | None
) -> str:
    gain = difference(ours.auc, without.auc)
    if gain is None:
        return f"The AUC for “{task}” is not known with and without the encoder, so nothing can be concluded."
    size = points(abs(gain)).lstrip("+")
    verdict = (
        f"{'a gain' if gain > 0 else 'a loss'} of {size} points"
        if round(gain, 4)
        else "no difference"
    )
    return (
        f"For “{task}”, the ranker with the pre-trained encoder reaches a test AUC of {decimal(ours.auc)}; the same "
        f"ranker without it, {how}, reaches {decimal(without.auc)}: {verdict}{interval(paired)}."
    )


def _bar(metrics: RunMetrics) -> str:
    bar = metrics.config["evaluation"]["min_auc"]
    below = [
        task for task, values in metrics.tasks.items() if values.auc is None or values.auc < bar
    ]
    if below:
        return f"That misses the bar of {decimal(bar, 3)} that a model has to reach to be pushed ({', '.join(below)})."
    return f"The bar of {decimal(bar, 3)} that a model has to reach to be pushed is met."


def _tiles(task: str, ours: TaskMetrics, without: TaskMetrics) -> list[Tile]:
    gain = difference(ours.auc, without.auc)
    tone = "neutral" if not gain else "good" if gain > 0 else "bad"
    where = f"test AUC, {task}" if task else "test AUC"
    return [
        Tile(WITH, decimal(ours.auc), where, "with"),
        Tile(WITHOUT, decimal(without.auc), where, "without"),
        Tile("Difference", points(gain), "AUC points", tone),
    ]


def _table(task: str, ours: TaskMetrics, without: TaskMetrics) -> Table:
    rows = [
        [metric.heading, decimal(a), decimal(b), signed(difference(a, b))]
        for key, metric in METRICS.items()
        for a, b in [(ours.score(key), without.score(key))]
    ]
    candidates = sum(bucket.candidates for bucket in ours.slices.get("history_length", {}).values())
    caption = f"Metrics for “{task}” on {count(candidates)} test candidates"
    return Table(caption, ["Metric", WITH, WITHOUT, "Difference"], rows)
