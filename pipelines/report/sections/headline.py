"""What the encoder is worth: the AUC of each task with and without it."""

from __future__ import annotations

from pipelines.counts.found import Gain
from pipelines.metrics import METRICS
from pipelines.report.blocks import WITHOUT, Section, Table, Tile, tone_of
from pipelines.report.encoder import encoder_worth, gains, in_brackets
from pipelines.report.learned import is_all_learned, learned
from pipelines.report.results import RunMetrics, RunResults, TaskMetrics
from pipelines.report.worse import worse_line
from pipelines.text import count, decimal, difference, points, signed
from trainer.slices import HISTORY_LENGTH

_WITH = "With encoder"  # short enough for a phone


def headline(results: RunResults) -> Section:
    """The page's first section."""
    metrics = results.metrics
    several = len(metrics.tasks) > 1
    paired = gains(metrics)
    said = []
    tiles = []
    tables = []
    for task, ours in metrics.tasks.items():
        without = metrics.baseline_without_encoder[task]
        gain = paired.get(task)
        said.append(_finding(task, metrics, gain))
        tiles += _tiles(task if several else "", ours, without, gain)
        tables.append(_table(task, ours, without))
    worth = encoder_worth(metrics)
    if worth is not None:
        said += [f"{worth.said}.", worth.advice] if worth.advice else [f"{worth.said}."]
    return Section(
        anchor="result",
        title="What the encoder is worth",
        finding=" ".join(said),
        notes=_notes(metrics),
        tiles=tiles,
        tables=tables,
    )


def _finding(task: str, metrics: RunMetrics, paired: Gain | None) -> str:
    """A sentence: the ranker's AUC, against that of its rivals."""
    ours = metrics.tasks[task].auc
    gain = difference(ours, metrics.baseline_without_encoder[task].auc)
    if gain is None:
        return (
            f"The AUC for “{task}” is not known with and without the encoder, so nothing can be "
            "concluded."
        )
    said = (
        f"For “{task}” the ranker with the encoder reaches a test AUC of {decimal(ours)}, "
        f"{_beside(gain)} the one without it{in_brackets(paired)}"
    )
    counts = metrics.rivals.counts if metrics.rivals else None
    trees = counts.tasks.get(task) if counts else None
    if trees is not None and trees.points is not None:
        over_trees = _beside(trees.points / 100)
        said += f", and {over_trees} boosted trees on counts{in_brackets(trees)}"
    return f"{said}."


def _beside(gain: float) -> str:
    """How a test AUC lies beside another, with a preposition for the other."""
    if not round(gain, 4):
        return "as high as"
    size = points(abs(gain)).lstrip("+")
    return f"{size} points {'above' if gain > 0 else 'below'}"


def _notes(metrics: RunMetrics) -> list[str]:
    """What else a reader must know."""
    notes = []
    if not metrics.verdict.blessed:
        notes.append(f"The model was not pushed. {' '.join(metrics.verdict.reasons)}".strip())
    if metrics.pushed_baseline:
        notes.append("The base ranker was pushed (evaluation.push: cheaper).")
    for task in metrics.tasks:
        worse = worse_line(task, metrics)
        if worse:
            notes.append(worse)
    if not is_all_learned(metrics.pretrain):
        notes.append(f"{learned(metrics.pretrain)}.")
    if metrics.started_from is not None:
        notes.append("The ranker without the encoder was trained from nothing, the other wasn't.")
    notes.append(_bar(metrics))
    return notes


def _bar(metrics: RunMetrics) -> str:
    bar = metrics.config["evaluation"]["min_auc"]
    below = []
    for task, values in metrics.tasks.items():
        if values.auc is None or values.auc < bar:
            below.append(task)
    asked = f"The test AUC that a model has to reach to be pushed, {decimal(bar, 3)}, is"
    return f"{asked} missed ({', '.join(below)})." if below else f"{asked} reached."


def _tiles(task: str, ours: TaskMetrics, without: TaskMetrics, paired: Gain | None) -> list[Tile]:
    gain = difference(ours.auc, without.auc)
    where = f"test AUC, {task}" if task else "test AUC"
    return [
        Tile(_WITH, decimal(ours.auc), where, "with"),
        Tile(WITHOUT, decimal(without.auc), where, "without"),
        Tile("Difference", points(gain), "AUC points", tone_of(paired)),
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
    return Table(caption, ["Metric", _WITH, WITHOUT, "Difference"], rows)
