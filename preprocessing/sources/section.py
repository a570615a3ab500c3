"""A part of a file that can be read on its own, so that several workers read one large file."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A part of a file, in the units of its format: bytes of text, row groups of Parquet.

    Attributes:
        path: The file.
        start: Where the part begins; a text file's begins at the start of a line.
        stop: Where it ends; None for the end of the file.
    """

    path: str
    start: int = 0
    stop: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file."""
        return self.start == 0 and self.stop is None


class SectionRows(NamedTuple):
    """What a reader gives last of a part whose rows it numbers from 1, as it knows none before.

    Attributes:
        section: The part.
        rows: How many rows it has, blank ones and a header among them.
    """

    section: Section
    rows: int
