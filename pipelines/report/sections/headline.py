"""What the encoder is worth: the AUC of each task with and without it."""

from __future__ import annotations

from pipelines.counts.found import Gain
from pipelines.metrics import METRICS
from pipelines.report.blocks import WITH, WITHOUT, Section, Table, Tile, tone_of
from pipelines.report.encoder import encoder_lines, gains, interval
from pipelines.report.results import RunMetrics, RunResults, TaskMetrics
from pipelines.report.rivals import losses
from pipelines.text import count, decimal, difference, points, signed
from trainer.slices import HISTORY_LENGTH


def headline(results: RunResults) -> Section:
    """The page's first section."""
    metrics = results.metrics
    several = len(metrics.tasks) > 1
    fair = "same budget and seed" if metrics.started_from is None else "trained from nothing"
    paired = gains(metrics)
    said = [*losses(metrics), *encoder_lines(metrics)]
    tiles = []
    tables = []
    for task, ours in metrics.tasks.items():
        without = metrics.baseline_without_encoder[task]
        said.append(_finding(task, ours, without, fair, paired.get(task)))
        tiles += _tiles(task if several else "", ours, without)
        tables.append(_table(task, ours, without))
    said.append(_bar(metrics))
    if metrics.pushed_baseline:
        said.append("The base ranker was pushed (evaluation.push: cheaper).")
    return Section(
        anchor="result",
        title="What the encoder is worth",
        finding=" ".join(said),
        tiles=tiles,
        tables=tables,
    )


def _finding(
    task: str, ours: TaskMetrics, without: TaskMetrics, how: str, paired: Gain | None
) -> str:
    gain = difference(ours.auc, without.auc)
    if gain is None:
        return (
            f"The AUC for “{task}” is not known with and without the encoder, so nothing can be "
            "concluded."
        )
    verdict = "no difference"
    if round(gain, 4):
        size = points(abs(gain)).lstrip("+")
        verdict = f"{'a gain' if gain > 0 else 'a loss'} of {size} points"
    return (
        f"For “{task}”, the ranker with the pre-trained encoder reaches a test AUC of "
        f"{decimal(ours.auc)}; the base ranker without it, {how}, reaches {decimal(without.auc)}: "
        f"{verdict}{interval(paired)}."
    )


def _bar(metrics: RunMetrics) -> str:
    bar = metrics.config["evaluation"]["min_auc"]
    below = []
    for task, values in metrics.tasks.items():
        if values.auc is None or values.auc < bar:
            below.append(task)
    asked = f"bar of {decimal(bar, 3)} that a model has to reach to be pushed"
    if below:
        return f"That misses the {asked} ({', '.join(below)})."
    return f"The {asked} is met."


def _tiles(task: str, ours: TaskMetrics, without: TaskMetrics) -> list[Tile]:
    gain = difference(ours.auc, without.auc)
    where = f"test AUC, {task}" if task else "test AUC"
    return [
        Tile(WITH, decimal(ours.auc), where, "with"),
        Tile(WITHOUT, decimal(without.auc), where, "without"),
        Tile("Difference", points(gain), "AUC points", tone_of(gain)),
    ]


def _table(task: str, ours: TaskMetrics, without: TaskMetrics) -> Table:
    rows = []
    for key, metric in METRICS.items():
        a = ours.score(key)
        b = without.score(key)
        rows.append([metric.heading, decimal(a), decimal(b), signed(difference(a, b))])
    # Each candidate is in one of them.
    by_history = ours.slices.get(HISTORY_LENGTH, {}).values()
    candidates = sum(one.candidates for one in by_history)
    caption = f"Metrics for “{task}” on {count(candidates)} test candidates"
    return Table(caption, ["Metric", WITH, WITHOUT, "Difference"], rows)
