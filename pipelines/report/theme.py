"""Makes matplotlib figures into inline SVG that takes its colours and its typeface from the page.

Figures are drawn in stand-in colours, which become CSS variables: so one picture serves light and
dark pages.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, MUTED, LINE, PANEL, SINGLE, WITH, WITHOUT = (f"#01010{i}" for i in range(1, 8))
SERIES = (WITH, WITHOUT)
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    PANEL: "panel",
    SINGLE: "single",
    WITH: "with",
    WITHOUT: "without",
}
_STYLE: dict[Any, Any] = {  # matplotlib's types differ in the two stacks
    "svg.fonttype": "none",
    "svg.hashsalt": "srp4ctr",
    "text.parse_math": False,
    "text.color": INK,
    "font.size": 9,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
}
WIDTH = 4.1  # inches; every picture is this wide, so that text has one size on the page


class Canvas:
    """A figure with one pair of axes, and the SVG it becomes.

    Attributes:
        axes: Where to draw.
        svg: The `<svg>` element; set when the drawing has ended.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def canvas(name: str, height: float) -> Iterator[Canvas]:
    """Draws a picture.

    Args:
        name: Unique in the page; starts every id in the SVG.
        height: Inches.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        drawing = Canvas(figure.subplots())
        yield drawing
        drawing.svg = _to_svg(figure, name)


def _to_svg(figure: Figure, name: str) -> str:
    written = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # text stays text: the page's typefaces draw it
        figure.savefig(
            written, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return re.sub("#01010[1-7]", lambda color: f"var(--{_VARIABLES[color.group()]})", svg)


def legend(axes: Axes, columns: int) -> None:
    """Names the series above the axes, from the left edge of the picture on."""
    axes.figure.legend(loc="outside upper left", ncols=columns, borderaxespad=0.1, handlelength=1.6)


def ticks(most: int) -> MaxNLocator:
    """At most that many ticks, at round numbers."""
    return MaxNLocator(most, steps=[1, 2, 5, 10])
