"""The page's charts: curves, bars, spans of time, reliability. Each returns an `<svg>` element."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable, Mapping, Sequence

from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipelines.report.text import MISSING
from pipelines.report.theme import INK, LINE, MUTED, PANEL, PLAIN, STRONG, canvas

COLORS = (STRONG, PLAIN)
_BAR = 0.36  # of the distance between two groups
_LABEL_CHARACTERS = 28


@dataclasses.dataclass(frozen=True)
class Bars:
    """Bars that belong together, one a series.

    Attributes:
        label: What they are of.
        values: A length a series; None draws a dash.
        note: A second line under the label.
    """

    label: str
    values: Sequence[float | None]
    note: str = ""


def curves(
    name: str,
    lines: Mapping[str, Sequence[float | None]],
    x_label: str,
    y_label: str,
    step: float = 1.0,
    marked: Mapping[str, int | None] | None = None,
) -> str:
    """Lines over time; the first is drawn strong, the second dashed.

    Args:
        name: Unique in the page.
        lines: Legend -> a value a step; None leaves a gap.
        x_label: What is counted.
        y_label: What is measured.
        step: How far apart two values are on the x axis.
        marked: Legend -> the index of a value to mark.
    """
    with canvas(name, 2.7) as drawing:
        for (label, values), color, style in zip(lines.items(), COLORS, ("-", (0, (4, 1.5))), strict=False):
            x = [step * (i + 1) for i in range(len(values))]
            y = [math.nan if value is None else value for value in values]
            drawing.axes.plot(x, y, color=color, linestyle=style, marker=".", markersize=4, label=label)
            index = (marked or {}).get(label)
            if index is not None:
                drawing.axes.plot(x[index], y[index], "o", color=color, markersize=8, markeredgecolor=PANEL)
        drawing.axes.set(xlabel=x_label, ylabel=y_label)
        drawing.axes.grid(axis="y")
        drawing.axes.xaxis.set_major_locator(MaxNLocator(6, integer=step == 1))
        drawing.axes.yaxis.set_major_locator(MaxNLocator(5))
        drawing.axes.tick_params(axis="y", labelcolor=MUTED, labelsize=8.5)
        _legend(drawing.axes, len(lines))
    return drawing.svg


def bars(
    name: str,
    groups: Sequence[Bars],
    series: Sequence[str],
    write: Callable[[float | None], str],
    x_label: str = "",
    start: float = 0.0,
) -> str:
    """Horizontal bars from `start`, each with its value at its end.

    Args:
        name: Unique in the page.
        groups: From top to bottom.
        series: The legend; one entry needs none.
        write: Formats a value.
        x_label: What is measured.
        start: The value of a bar without length.
    """
    thickness = _BAR if len(series) > 1 else 0.55
    with canvas(name, 0.55 + (0.46 if len(series) > 1 else 0.34) * max(len(groups), 1)) as drawing:
        for i, group in enumerate(groups):
            for k, (value, color) in enumerate(zip(group.values, COLORS, strict=False)):
                y = i + (k - (len(series) - 1) / 2) * thickness
                _bar(drawing.axes, y, value, start, color, thickness, write)
        for label, color in zip(series, COLORS, strict=False):
            drawing.axes.barh([0], [0], left=start, color=color, label=label)
        _bar_axes(drawing.axes, groups, x_label, start)
        if len(series) > 1:
            _legend(drawing.axes, len(series))
    return drawing.svg


def _bar(
    axes: Axes, y: float, value: float | None, start: float, color: str, thickness: float, write: Callable[..., str]
) -> None:
    end = start if value is None else value
    axes.barh([y], [end - start], left=start, height=thickness * 0.88, color=color)
    text = MISSING if value is None else write(value)
    axes.annotate(text, (max(end, start), y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK)


def _bar_axes(axes: Axes, groups: Sequence[Bars], x_label: str, start: float) -> None:
    known = [value for group in groups for value in group.values if value is not None] or [start]
    low, high = min(start, *known), max(start, *known)
    width = (high - low) or 1.0
    axes.set_xlim(low - (0.05 * width if low < start else 0), high + 0.24 * width)
    axes.set_ylim(max(len(groups), 1) - 0.45, -0.55)
    axes.set_yticks(range(len(groups)), [_label(group) for group in groups])
    axes.axvline(start, color=MUTED, linewidth=0.9)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    if x_label:
        axes.set_xlabel(x_label)
        axes.grid(axis="x")
        axes.xaxis.set_major_locator(MaxNLocator(5))
    else:
        axes.set_xticks([])


def _label(group: Bars) -> str:
    label = " ".join(group.label.split())
    label = label if len(label) <= _LABEL_CHARACTERS else label[: _LABEL_CHARACTERS - 1] + "…"
    return f"{label}\n{group.note}" if group.note else label


def spans(name: str, rows: Mapping[str, tuple[datetime.datetime, datetime.datetime]]) -> str:
    """A bar a row from one time to another."""
    with canvas(name, 0.5 + 0.36 * len(rows)) as drawing:
        for i, (start, end) in enumerate(rows.values()):
            left, right = float(dates.date2num(start)), float(dates.date2num(end))
            drawing.axes.barh([i], [right - left], left=left, height=0.6, color=STRONG)
        drawing.axes.set_yticks(range(len(rows)), list(rows))
        drawing.axes.set_ylim(len(rows) - 0.5, -0.5)
        locator = dates.AutoDateLocator(minticks=3, maxticks=6)
        drawing.axes.xaxis.set_major_locator(locator)
        drawing.axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        drawing.axes.grid(axis="x")
        drawing.axes.spines["left"].set_visible(False)
        drawing.axes.tick_params(axis="y", length=0)
    return drawing.svg


def reliability(name: str, models: Mapping[str, Sequence[tuple[float, float, float]]]) -> str:
    """Mean label over mean prediction; a point's area is its share of the candidates.

    Args:
        name: Unique in the page.
        models: Legend -> (mean prediction, mean label, candidates) a bucket.
    """
    with canvas(name, 3.5) as drawing:
        top = min(1.0, 1.08 * max((max(p, y) for rows in models.values() for p, y, _ in rows), default=1.0))
        drawing.axes.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        for (label, rows), color, style in zip(models.items(), COLORS, ("-", (0, (4, 1.5))), strict=False):
            total = sum(n for _, _, n in rows)
            x, y = [p for p, _, _ in rows], [mean for _, mean, _ in rows]
            drawing.axes.plot(x, y, color=color, linestyle=style, linewidth=1.3, label=label)
            areas = [8 + 300 * n / total for _, _, n in rows]
            drawing.axes.scatter(x, y, s=areas, color=color, edgecolors=PANEL, linewidths=0.8, zorder=3)
        drawing.axes.set(xlabel="Mean prediction", ylabel="Mean label", xlim=(0, top), ylim=(0, top))
        drawing.axes.grid(color=LINE)
        drawing.axes.tick_params(axis="y", labelcolor=MUTED, labelsize=8.5)
        _legend(drawing.axes, len(models))
    return drawing.svg


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, borderaxespad=0.2, handlelength=1.6)
