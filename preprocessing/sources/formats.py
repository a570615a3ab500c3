"""The reader of each file format, and what every reader has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Protocol, cast

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_sources import Files
from preprocessing.spec_tables import Explode, Table


class Reader(Protocol):
    """What every format's module has."""

    def sections(self, path: str, table: Table) -> list[Section]:
        """The parts of a file that can be read on their own."""

    def read_header(self, path: str, table: Table) -> Header:
        """The names of a file's columns."""

    def read_batches(
        self,
        section: Section,
        table: Table,
        table_name: str,
        columns: tuple[Column, ...],
        explode: Explode | None,
    ) -> Iterator[RawBatch | RejectedRow | SectionRows]:
        """The rows of a section, or their events, in batches, and rows that have no columns.

        Their numbers are those of the file. A reader that doesn't know how many rows come before a
        section counts from its start, and says at its end how many rows it has.
        """


def reader_of(table: Table) -> Reader:
    """The reader of a table's format."""
    source = table.options(Files)
    return cast(Reader, importlib.import_module(source.reader or type(source).__module__))
