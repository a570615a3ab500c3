"""What a page is made of: sections with a finding, pictures and tables.

Text is plain; the template escapes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from pipelines.counts.found import Gain
from pipelines.report.results import WITH_ENCODER, WITHOUT_ENCODER

WITH = "With the encoder"
WITHOUT = "Without"
MODELS = {WITH_ENCODER: WITH, WITHOUT_ENCODER: WITHOUT}


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of formatted cells.

    Attributes:
        caption: What the table shows.
        header: The columns' names.
        rows: Each with a cell for each column.
        text_columns: How many leading columns hold text; the others hold numbers and are set
            right-aligned.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1


@dataclasses.dataclass(frozen=True)
class Picture:
    """A chart with what it shows.

    Attributes:
        title: What is drawn.
        finding: What to conclude from it.
        svg: The chart, an `<svg>` element.
        table: Its numbers, folded.
    """

    title: str
    finding: str
    svg: str
    table: Table | None = None


@dataclasses.dataclass(frozen=True)
class Tile:
    """One large number.

    Attributes:
        label: What it is.
        value: The number.
        note: Its unit or context.
        tone: 'with', 'without', 'good', 'bad' or 'neutral': its colour.
    """

    label: str
    value: str
    note: str
    tone: str = "neutral"


def tone_of(gain: Gain | None) -> str:
    """The tone of a tile that shows a gain: a colour only where its interval excludes 0."""
    if gain is None or not (gain.is_above or gain.is_below):
        return "neutral"
    return "good" if gain.is_above else "bad"


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        anchor: Its id in the page.
        title: Its heading.
        finding: What to conclude, from this run's numbers.
        tiles: Large numbers, before the finding.
        notes: What else to know, each a sentence or two; after the finding.
        pictures: Charts, next.
        tables: Numbers, next.
        listing: Preformatted text with its title, folded, last.
    """

    anchor: str
    title: str
    finding: str
    tiles: Sequence[Tile] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    listing: tuple[str, str] | None = None
