"""The AUC of both runs by slice, with the encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pipelines.counts.sliced import ENOUGH
from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.comparison.pair import NAMES, Pair
from pipelines.report.results import Slice
from pipelines.report.sections.slices import (
    CHANCE,
    NOTHING,
    SHOWN,
    in_order,
    title_of,
    values_in_order,
)
from pipelines.text import count, decimal, difference, points


@dataclasses.dataclass(frozen=True)
class _Slice:
    value: str
    aucs: tuple[float | None, float | None]
    candidates: tuple[int, int]

    @property
    def gain(self) -> float | None:
        return difference(self.aucs[1], self.aucs[0])


def slices_section(pair: Pair) -> Section:
    """The section on slices that both runs have."""
    several = len(pair.tasks) > 1
    gains: list[float] = []
    pictures: list[Picture] = []
    for task in pair.tasks:
        for feature, slices in _by_feature(pair, task).items():
            gains += [gain for gain, _ in _large(slices)]
            name = f"slices-{len(pictures)}"
            pictures.append(_picture(name, title_of(task, feature, several), slices))
    finding = f"No slice has {count(ENOUGH)} test candidates in both runs."
    if gains:
        finding = (
            f"In the {len(gains)} slices that have at least {count(ENOUGH)} test candidates in "
            f"both runs, B less A goes from {points(min(gains))} to {points(max(gains))} points of "
            "AUC. How sure that is isn't known of slices."
        )
    return Section(anchor="slices", title="Where they differ", finding=finding, pictures=pictures)


def _by_feature(pair: Pair, task: str) -> dict[str, list[_Slice]]:
    """The slices of each feature that both runs are sliced by."""
    a, b = pair.both(lambda results: results.metrics.tasks[task].slices)
    found: dict[str, list[_Slice]] = {}
    for feature, of_a in in_order(a).items():
        if feature in b:
            found[feature] = _slices(feature, of_a, b[feature])
    return found


def _slices(feature: str, a: Mapping[str, Slice], b: Mapping[str, Slice]) -> list[_Slice]:
    slices = []
    for value in values_in_order(feature, {**b, **a}):
        ours = a.get(value, NOTHING)
        theirs = b.get(value, NOTHING)
        candidates = (ours.candidates, theirs.candidates)
        slices.append(_Slice(value or "(empty)", (ours.auc, theirs.auc), candidates))
    return slices


def _large(slices: list[_Slice]) -> list[tuple[float, _Slice]]:
    """The slices that have enough candidates in both runs, with their gain."""
    large = []
    for s in slices:
        if s.gain is not None and min(s.candidates) >= ENOUGH:
            large.append((s.gain, s))
    return large


def _picture(name: str, title: str, slices: list[_Slice]) -> Picture:
    groups = [Bars(s.value, s.aucs, _candidates(s)) for s in slices[:SHOWN]]
    chart = bars(
        name, groups, lambda auc: decimal(auc, 3), NAMES, "AUC; bars start at chance, 0.5", CHANCE
    )
    return Picture(title, _finding(slices), chart, _table(slices))


def _candidates(slice_: _Slice) -> str:
    a, b = slice_.candidates
    return f"{count(a)} candidates" if a == b else f"{count(a)}, {count(b)}"


def _finding(slices: list[_Slice]) -> str:
    large = _large(slices)
    if not large:
        return f"No slice has {count(ENOUGH)} candidates in both runs, so nothing can be concluded."
    gain, most = max(large, key=lambda pair: abs(pair[0]))
    return f"The largest difference is {points(gain)} points, B less A, at “{most.value}”."


def _table(slices: list[_Slice]) -> Table:
    rows = []
    for s in slices:
        aucs = [decimal(auc) for auc in s.aucs]
        candidates = [count(number) for number in s.candidates]
        rows.append([s.value, *aucs, points(s.gain), *candidates])
    header = ["Slice", *NAMES, "Points", "Candidates, A", "Candidates, B"]
    return Table("All the numbers", header, rows)
