"""Bar charts: values side by side, and spans of time. Each returns an `<svg>` element."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence

from matplotlib import dates
from matplotlib.axes import Axes

from pipelines.report.theme import INK, MUTED, SERIES, SINGLE, canvas, legend
from pipelines.text import MISSING

Write = Callable[[float | None], str]
_LABEL_CHARACTERS = 28


@dataclasses.dataclass(frozen=True)
class Bars:
    """Bars that belong together, one for each series.

    Attributes:
        label: What they are of.
        values: A length for each series; None draws a dash.
        note: A second line under the label.
    """

    label: str
    values: Sequence[float | None]
    note: str = ""


def bars(
    name: str,
    groups: Sequence[Bars],
    write: Write,
    series: Sequence[str] = (),
    x_label: str = "",
    start: float = 0.0,
) -> str:
    """Horizontal bars, each with its value at its end.

    Args:
        name: Unique in the page.
        groups: From top to bottom.
        write: Formats a value.
        series: The legend of a group's bars; a single bar needs none.
        x_label: What is measured, where the title does not say it.
        start: The value of a bar without length.
    """
    colors = SERIES if series else (SINGLE,)
    distance = 0.48 if series else 0.34
    with canvas(name, (0.75 if series else 0.4) + distance * max(len(groups), 1)) as drawing:
        for at, group in enumerate(groups):
            _group(drawing.axes, at, group, start, colors, write)
        _axis(drawing.axes, groups, start)
        drawing.axes.set_xlabel(x_label)
        if series:
            # Bars without length, for the legend.
            for label, color in zip(series, colors, strict=True):
                drawing.axes.barh([0], [0], left=start, color=color, label=label)
            legend(drawing.axes, len(series))
    return drawing.svg


def _group(
    axes: Axes, at: int, group: Bars, start: float, colors: Sequence[str], write: Write
) -> None:
    height = 0.74 / len(colors) if len(colors) > 1 else 0.58
    for k, (value, color) in enumerate(zip(group.values, colors, strict=True)):
        y = at + (k - (len(colors) - 1) / 2) * height
        end = start if value is None else value
        axes.barh([y], [end - start], left=start, height=height * 0.9, color=color)
        text = MISSING if value is None else write(value)
        place = (max(end, start), y)
        axes.annotate(
            text,
            place,
            (4, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=8,
            color=INK,
        )


def _axis(axes: Axes, groups: Sequence[Bars], start: float) -> None:
    ends = [start]
    for group in groups:
        ends += [value for value in group.values if value is not None]
    low = min(ends)
    high = max(ends)
    width = (high - low) or 1.0
    # Room for the values at the bars' ends.
    axes.set_xlim(low - (0.05 * width if low < start else 0), high + 0.22 * width)
    axes.set_ylim(max(len(groups), 1) - 0.5, -0.5)
    axes.set_xticks([])  # every bar has its value beside it
    axes.set_yticks(range(len(groups)), [_label(group) for group in groups])
    axes.axvline(start, color=MUTED, linewidth=0.9)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def _label(group: Bars) -> str:
    label = " ".join(group.label.split())
    if len(label) > _LABEL_CHARACTERS:
        label = label[: _LABEL_CHARACTERS - 1] + "…"
    return f"{label}\n{group.note}" if group.note else label


def spans(name: str, rows: Mapping[str, tuple[datetime.datetime, datetime.datetime]]) -> str:
    """A bar for each row, from one time to another."""
    with canvas(name, 0.5 + 0.36 * len(rows)) as drawing:
        for i, (start, end) in enumerate(rows.values()):
            left = float(dates.date2num(start))
            right = float(dates.date2num(end))
            drawing.axes.barh([i], [right - left], left=left, height=0.6, color=SINGLE)
        drawing.axes.set_yticks(range(len(rows)), list(rows))
        drawing.axes.set_ylim(len(rows) - 0.5, -0.5)
        locator = dates.AutoDateLocator(minticks=3, maxticks=6)
        drawing.axes.xaxis.set_major_locator(locator)
        # Without a note of the year or day at the axis' end, which repeats a label in part.
        formatter = dates.ConciseDateFormatter(locator, show_offset=False)
        drawing.axes.xaxis.set_major_formatter(formatter)
        drawing.axes.grid(axis="x")
        drawing.axes.spines["left"].set_visible(False)
        drawing.axes.tick_params(length=0)
    return drawing.svg
