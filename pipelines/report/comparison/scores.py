"""The test metrics of both runs."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.metrics import METRICS
from pipelines.report.blocks import Section, Table, Tile, tone_of
from pipelines.report.comparison.pair import NAMES, Pair, compared
from pipelines.report.encoder import in_brackets
from pipelines.report.results import WITH_ENCODER, WITHOUT_ENCODER, RunResults
from pipelines.text import decimal, difference, points, signed

_OTHER_DATA = (
    "The runs were not tested on the same candidates, so the differences are of the data "
    "as well as of the models."
)


def headline_section(pair: Pair) -> Section:
    """The page's first section."""
    said = [_finding(pair, task) for task in pair.tasks] or ["The runs have no task in common."]
    if not pair.same_test:
        said.append(_OTHER_DATA)
    tiles = []
    tables = [_where(pair)]
    for task in pair.tasks:
        tiles += _tiles(pair, task)
        tables.append(_table(pair, task))
    return Section(
        anchor="result",
        title="Which run ranks better",
        finding=" ".join(said),
        tiles=tiles,
        tables=tables,
    )


def _aucs(pair: Pair, task: str) -> tuple[float | None, float | None]:
    return pair.both(lambda results: results.metrics.tasks[task].auc)


def _finding(pair: Pair, task: str) -> str:
    a, b = _aucs(pair, task)
    gain = difference(b, a)
    if gain is None:
        return f"The AUC for “{task}” is not known of both runs."
    if not round(gain, 4):
        return f"For “{task}” both runs reach a test AUC of {decimal(a)}."
    better, worse = ("B", "A") if gain > 0 else ("A", "B")
    size = points(abs(gain)).lstrip("+")
    return (
        f"For “{task}”, run {better} reaches a test AUC {size} points above run {worse}: "
        f"{decimal(a)} and {decimal(b)}{_sure(pair, task)}."
    )


def _sure(pair: Pair, task: str) -> str:
    """How sure the difference is, of B less A."""
    paired = pair.gains.get(task)
    if paired is None:
        return ""
    verdict = "" if paired.is_above or paired.is_below else ", so it may be chance"
    return f"; B less A{in_brackets(paired)}{verdict}"


def _tiles(pair: Pair, task: str) -> list[Tile]:
    a, b = _aucs(pair, task)
    gain = difference(b, a)
    where = f"test AUC, {task}"
    return [
        Tile("Run A", decimal(a), where, "with"),
        Tile("Run B", decimal(b), where, "without"),
        Tile("B less A", points(gain), "AUC points", tone_of(pair.gains.get(task))),
    ]


def _where(pair: Pair) -> Table:
    rows = []
    for name, place, results in zip(NAMES, pair.places, pair.results, strict=True):
        rows.append([name, str(place), results.metrics.pushed_version or "not pushed"])
    return Table("The runs", ["Run", "Directory", "Pushed version"], rows, text_columns=3)


def _table(pair: Pair, task: str) -> Table:
    rows = []
    for model, what in ((WITH_ENCODER, ""), (WITHOUT_ENCODER, ", without the encoder")):
        for key, metric in METRICS.items():
            scores = pair.both(_score(model, task, key))
            rows.append([f"{metric.heading}{what}", *compared(scores, decimal, signed)])
    return Table(f"Test metrics for “{task}”", ["Metric", *NAMES, "B less A"], rows)


def _score(model: str, task: str, key: str) -> Callable[[RunResults], float | None]:
    return lambda results: results.metrics.models[model][task].score(key)
