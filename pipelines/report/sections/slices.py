"""Where the encoder helps: AUC by history length, item popularity and the configured features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

from pipelines.counts.found import Gain
from pipelines.counts.sliced import ENOUGH
from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import WITH, WITHOUT, Picture, Section, Table
from pipelines.report.encoder import in_brackets
from pipelines.report.results import RunResults, Slice
from pipelines.text import MISSING, count, decimal, difference, interval, points
from trainer.slices import HISTORY_LENGTH, HISTORY_SLICES, POPULARITY, POPULARITY_SLICES

Of = TypeVar("Of")
CHANCE = 0.5
SHOWN = 12  # values of one feature in a chart; the table has all
_ORDER = {
    HISTORY_LENGTH: HISTORY_SLICES,
    POPULARITY: POPULARITY_SLICES,
}
_TITLES = {HISTORY_LENGTH: "By history length", POPULARITY: "By item popularity"}

NOTHING = Slice(auc=None, candidates=0, positives=0)


@dataclasses.dataclass(frozen=True)
class _Slice:
    value: str
    ours: float | None
    without: float | None
    candidates: int
    paired: Gain | None  # with its interval

    @property
    def gain(self) -> float | None:
        return difference(self.ours, self.without)


def slices_section(results: RunResults) -> Section:
    """The section on slices."""
    tasks = results.metrics.tasks
    without = results.metrics.baseline_without_encoder
    several = len(tasks) > 1
    counts = results.metrics.rivals.counts if results.metrics.rivals else None
    gains = counts.slices if counts else {}
    found: list[_Slice] = []
    pictures: list[Picture] = []
    for task, values in tasks.items():
        for feature, ours in in_order(values.slices).items():
            other = without[task].slices.get(feature, {})
            slices = _slices(feature, ours, other, gains.get(task, {}).get(feature, {}))
            found += slices
            name = f"slices-{len(pictures)}"
            pictures.append(_picture(name, title_of(task, feature, several), slices))
    return Section(
        anchor="slices",
        title="Where the encoder helps",
        finding=_finding(found),
        pictures=pictures,
    )


def in_order(slices: Mapping[str, Of]) -> dict[str, Of]:
    """History length and popularity first, the configured features after them."""
    names = dict.fromkeys([*_ORDER, *slices])  # each once
    return {name: slices[name] for name in names if name in slices}


def _slices(
    feature: str,
    ours: Mapping[str, Slice],
    without: Mapping[str, Slice],
    gains: Mapping[str, Gain],
) -> list[_Slice]:
    """The feature's slices, in their order."""
    slices = []
    for value in values_in_order(feature, ours):
        with_encoder = ours.get(value, NOTHING)
        other = without.get(value, NOTHING)
        slices.append(
            _Slice(
                value or "(empty)",
                with_encoder.auc,
                other.auc,
                with_encoder.candidates,
                gains.get(value),
            )
        )
    return slices


def values_in_order(feature: str, slices: Mapping[str, Slice]) -> list[str]:
    """A feature's values: in their own order where they have one, else the largest slice first."""
    by_size = sorted(slices, key=lambda value: -slices[value].candidates)
    fixed = _ORDER.get(feature, ())
    return list(dict.fromkeys([*fixed, *by_size]))  # each once


def title_of(task: str, feature: str, several: bool) -> str:
    """What a feature's slices are called; with the task, if there are several."""
    title = _TITLES.get(feature, f"By {feature}")
    return f"{title}, “{task}”" if several else title


def _large(slices: list[_Slice]) -> list[tuple[float, _Slice]]:
    """The slices that have enough candidates, with what the encoder gains there."""
    large = []
    for s in slices:
        if s.gain is not None and s.candidates >= ENOUGH:
            large.append((s.gain, s))
    return large


def _finding(slices: list[_Slice]) -> str:
    large = _large(slices)
    if not large:
        return (
            f"No slice has {count(ENOUGH)} candidates and both kinds of label: nothing can be "
            "concluded from slices."
        )
    small = sum(0 < s.candidates < ENOUGH for s in slices)
    caution = f" Smaller slices ({small}) are too uncertain to conclude from." if small else ""
    gains = [s.paired for _, s in large if s.paired is not None]
    if not gains:
        return f"How sure the differences in slices are isn't known of this run.{caution}"
    above = sum(gain.is_above for gain in gains)
    below = sum(gain.is_below for gain in gains)
    return (
        f"By their 95 % intervals the encoder raises the AUC in {above} of the {len(gains)} slices "
        f"that have at least {count(ENOUGH)} test candidates, and lowers it in {below or 'none'}."
        f"{caution}"
    )


def _picture_finding(slices: list[_Slice]) -> str:
    large = _large(slices)
    if not large:
        return "No slice is large enough to compare."
    most, where = max(large, key=lambda pair: pair[0])
    least, other = min(large, key=lambda pair: pair[0])
    drawn = f" The {SHOWN} largest of {len(slices)} are drawn." if len(slices) > SHOWN else ""
    if where is other:
        return (
            f"The difference is {points(most)} points{in_brackets(where.paired)} where there are "
            f"enough candidates.{drawn}"
        )
    return (
        f"The difference goes from {points(most)} points at “{where.value}”"
        f"{in_brackets(where.paired)} to {points(least)} at “{other.value}”"
        f"{in_brackets(other.paired)}.{drawn}"
    )


def _picture(name: str, title: str, slices: list[_Slice]) -> Picture:
    groups = []
    for s in slices[:SHOWN]:
        groups.append(Bars(s.value, [s.ours, s.without], f"{count(s.candidates)} candidates"))
    chart = bars(
        name,
        groups,
        write=lambda auc: decimal(auc, 3),
        series=[WITH, WITHOUT],
        x_label="AUC; bars start at chance, 0.5",
        start=CHANCE,
    )
    return Picture(title, _picture_finding(slices), chart, _table(slices))


def _table(slices: list[_Slice]) -> Table:
    rows = []
    for s in slices:
        sure = MISSING if s.paired is None else interval(s.paired.low, s.paired.high)
        rows.append(
            [
                s.value,
                points(s.gain),
                sure,
                decimal(s.ours),
                decimal(s.without),
                count(s.candidates),
            ]
        )
    header = ["Slice", "Points", "95 % interval", "With", WITHOUT, "Candidates"]
    return Table("All the numbers", header, rows)
