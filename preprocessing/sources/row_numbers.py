"""Gives rejected rows the numbers that they have in their file, where that is read in parts.

So nobody reads what comes before a part only to count its rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.section import SectionRows


class NumberInFile(beam.DoFn):
    """From (where the row's part of its file begins, the row) to the row, given all `SectionRows`.

    Rows of parts that aren't among those have the file's numbers already.
    """

    def __init__(self) -> None:
        super().__init__()
        self._before: dict[tuple[str, int], int] | None = None

    def start_bundle(self) -> None:
        self._before = None

    def process(
        self, element: tuple[int, RejectedRow], sections: Iterable[SectionRows]
    ) -> Iterator[RejectedRow]:
        if self._before is None:
            self._before = rows_before(sections)
        start, row = element
        before = self._before.get((row.file, start), 0)
        yield dataclasses.replace(row, row=before + row.row) if before else row


def rows_before(sections: Iterable[SectionRows]) -> dict[tuple[str, int], int]:
    """How many rows of a file come before each of its parts, by its path and the part's start."""
    before: dict[tuple[str, int], int] = {}
    path = ""
    rows = 0
    for section, count in sorted(sections, key=lambda found: found.section[:2]):
        if section.path != path:
            path = section.path
            rows = 0
        before[path, section.start] = rows
        rows += count
    return before
