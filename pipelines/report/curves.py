"""Line charts: curves over training, and reliability. Each returns an `<svg>` element."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from pipelines.report.theme import MUTED, PANEL, SERIES, canvas, legend, ticks

_DASHED = (0, (4, 1.5))
# Colour, line, and which is drawn above which.
_STYLES = tuple(zip(SERIES, ("-", _DASHED), (3, 2), strict=True))
# Areas of the points in a reliability diagram, in square points.
_LARGEST = 90
_SMALLEST = 10


def curves(
    name: str,
    lines: Mapping[str, Sequence[float | None]],
    x_label: str,
    y_label: str,
    step: float = 1.0,
    marked: Mapping[str, int | None] | None = None,
) -> str:
    """One or two lines over time; the second is dashed.

    Args:
        name: Unique in the page.
        lines: Legend -> a value for each step; None leaves a gap.
        x_label: What is counted.
        y_label: What is measured.
        step: How far apart two values are on the x axis.
        marked: Legend -> the index of a value to mark.
    """
    with canvas(name, 2.8) as drawing:
        for (label, values), (color, style, order) in zip(lines.items(), _STYLES, strict=False):
            x = [step * (i + 1) for i in range(len(values))]
            y = [math.nan if value is None else value for value in values]
            drawing.axes.plot(
                x, y, ".", linestyle=style, color=color, markersize=4, label=label, zorder=order
            )
            index = (marked or {}).get(label)
            if index is not None:
                drawing.axes.plot(
                    x[index],
                    y[index],
                    "o",
                    color=color,
                    markersize=8,
                    markeredgecolor=PANEL,
                    zorder=4,
                )
        drawing.axes.set(xlabel=x_label, ylabel=y_label)
        drawing.axes.set_xlim(left=0)
        drawing.axes.grid(axis="y")
        _number_axes(drawing.axes)
        legend(drawing.axes, len(lines))
    return drawing.svg


def reliability(name: str, models: Mapping[str, Sequence[tuple[float, float, float]]]) -> str:
    """Mean label over mean prediction; a point's area is its share of the candidates.

    Args:
        name: Unique in the page.
        models: Legend -> (mean prediction, mean label, candidates) of each bucket.
    """
    means: list[float] = []
    for rows in models.values():
        for predicted, labelled, _ in rows:
            means += [predicted, labelled]
    top = min(1.04, 1.08 * max(means, default=1.0) or 1.0)
    low = -0.04 * top  # so that a point at 0 is whole
    with canvas(name, 3.5) as drawing:
        drawing.axes.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
        for (label, rows), (color, style, order) in zip(models.items(), _STYLES, strict=False):
            x = [predicted for predicted, _, _ in rows]
            y = [labelled for _, labelled, _ in rows]
            sizes = [candidates for _, _, candidates in rows]
            largest = max(sizes, default=1.0)
            areas = [_SMALLEST + (_LARGEST - _SMALLEST) * size / largest for size in sizes]
            drawing.axes.plot(
                x, y, color=color, linestyle=style, linewidth=1.3, label=label, zorder=order
            )
            drawing.axes.scatter(
                x, y, s=areas, color=color, edgecolors=PANEL, linewidths=0.8, zorder=order
            )
        drawing.axes.set(
            xlabel="Mean prediction", ylabel="Mean label", xlim=(low, top), ylim=(low, top)
        )
        drawing.axes.grid()
        _number_axes(drawing.axes)
        legend(drawing.axes, len(models))
    return drawing.svg


def _number_axes(axes: Axes) -> None:
    axes.xaxis.set_major_locator(ticks(6))
    axes.yaxis.set_major_locator(ticks(5))
    axes.tick_params(axis="y", labelcolor=MUTED, labelsize=8.5)
    axes.tick_params(length=0)
