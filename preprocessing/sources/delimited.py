"""Reads CSV, TSV and RecBole atomic files, in batches of string columns with the rows' numbers.

Blocks of rows are parsed by Arrow where that gives what the careful reader (see `rows.py`) would
give, and by the careful reader where it wouldn't, or where a row is bad.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from preprocessing.errors import BrokenFileError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.blocks import (
    BLOCK_BYTES,
    BROKEN_FILE,
    BlockReader,
    line_sections,
    open_blocks,
)
from preprocessing.sources.columns import Column
from preprocessing.sources.delimited_files import DelimitedFiles, RecboleFiles
from preprocessing.sources.dialect import Dialect
from preprocessing.sources.explode import columns_in_file, exploded
from preprocessing.sources.lines import Lines
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.rows import CarefulRows
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_tables import Explode, Table

_SMALLEST_BLOCK = 1 << 16
_HEADER_BYTES = 1 << 16  # more only where the header is longer
_PIECES = 16


def sections(path: str, table: Table) -> list[Section]:
    """The parts of a file that can be read on their own: several only where every line is a row."""
    return [Section(path)] if Dialect.of(table).quotes else line_sections(path)


def read_header(path: str, table: Table) -> Header:
    """The header of a file; without names if the file is empty."""
    encoding = table.options(DelimitedFiles).encoding
    with open_blocks(Section(path), encoding, _HEADER_BYTES) as reader:
        return _take_header(reader, table)[0]


def read_batches(
    section: Section,
    table: Table,
    table_name: str,
    columns: tuple[Column, ...],
    explode: Explode | None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[RawBatch | RejectedRow | SectionRows]:
    """The rows of a section, or their events, in batches of string columns, and rejected rows.

    Raises:
        DataError: a column is missing.
    """
    header = read_header(section.path, table)
    in_file = columns_in_file(explode, columns)
    positions = {column.name: header.position(column, section.path) for column in in_file}
    rows = CarefulRows(section.path, table_name, positions, header, Dialect.of(table))
    source = table.options(DelimitedFiles)
    with open_blocks(section, source.encoding, block_bytes) as reader:
        number = 1
        if not section.start and source.names is None:
            number += _take_header(reader, table)[1]
        yield from exploded(_Blocks(rows, reader, number), explode, columns, section.path)


def _take_header(reader: BlockReader, table: Table) -> tuple[Header, int]:
    """The header, and how many rows it and the blank ones before it are."""
    source = table.options(DelimitedFiles)
    if source.names is not None:
        return Header(source.names), 0
    lines = Lines(reader.take(), reader)
    cells: list[str] = []
    taken = 0
    try:
        for cells in Dialect.of(table).rows(lines):
            taken += 1
            if any(cell.strip() for cell in cells):
                break
        if not cells and reader.error:
            raise reader.error
    except (csv.Error, *BROKEN_FILE) as error:
        raise BrokenFileError(f"{reader.path}: the header can't be read: {error}.") from error
    reader.give_back(lines.rest())
    if not isinstance(source, RecboleFiles):
        return Header(tuple(cell.strip() for cell in cells)), taken
    # RecBole writes `name:type`; the type may be left out.
    names: list[str] = []
    types: list[str] = []
    for cell in cells:
        name, colon, kind = cell.strip().rpartition(":")
        names.append(name if colon else kind)
        types.append(kind if colon else "")
    return Header(tuple(names), tuple(types)), taken


@dataclasses.dataclass
class _Blocks:
    """Goes through a section's blocks; `number` is the next row's."""

    rows: CarefulRows
    reader: BlockReader
    number: int

    def __iter__(self) -> Iterator[RawBatch | RejectedRow | SectionRows]:
        while block := self.reader.take():
            ends = self.rows.dialect.row_ends(block)
            if ends is not None and len(ends):
                self.reader.give_back(block[ends[-1] :])
                yield from self._whole_rows(block[: ends[-1]], ends)
            else:
                yield from self._carefully(Lines(block, self.reader))
        yield from self.reader.end(self.number)

    def _whole_rows(self, block: bytes, ends: np.ndarray) -> Iterator[RawBatch | RejectedRow]:
        """Reads rows of which none is open at the end.

        By Arrow, if need be in smaller and smaller pieces, so that only the pieces with odd rows go
        to the careful reader.
        """
        columns = self._by_arrow(block, ends)
        if columns is not None:
            numbers = np.arange(self.number, self.number + len(ends))
            self.number += len(ends)
            yield RawBatch(columns, self.rows.types, numbers)
        elif len(block) < _SMALLEST_BLOCK or len(ends) == 1:
            yield from self._carefully(Lines(block))
        else:
            start = 0
            for piece in np.array_split(ends, min(_PIECES, len(ends))):
                yield from self._whole_rows(block[start : piece[-1]], piece - start)
                start = int(piece[-1])

    def _carefully(self, lines: Lines) -> Iterator[RawBatch | RejectedRow]:
        self.number, parts = self.rows.read(lines, self.number)
        self.reader.give_back(lines.rest())
        yield from parts

    def _by_arrow(self, block: bytes, ends: np.ndarray) -> dict[str, pa.Array] | None:
        """The columns as Arrow reads them; None where the careful reader might read otherwise."""
        lengths = np.diff(ends, prepend=0)
        if lengths.min() == 1 or block.startswith(b"\r\n") or b"\n\r\n" in block:
            return None  # Arrow makes a row of a blank line
        if lengths.max() > csv.field_size_limit():
            return None  # a field may be too long
        if b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            return None  # Arrow takes a zero byte for text, and a lone carriage return for none
        width = len(self.rows.header.names)
        dialect = self.rows.dialect
        wanted = {name: str(place) for name, place in self.rows.positions.items()}
        text = dialect.with_one_byte(block)
        how_to_read = arrow_csv.ReadOptions(
            column_names=[str(place) for place in range(width)],
            block_size=len(text) + 1,
            use_threads=False,
        )
        how_to_parse = arrow_csv.ParseOptions(
            delimiter=dialect.one_byte,
            quote_char='"' if dialect.quotes else False,
            newlines_in_values=dialect.quotes,
            ignore_empty_lines=False,
        )
        how_to_convert = arrow_csv.ConvertOptions(
            include_columns=sorted(set(wanted.values())),
            column_types={place: pa.string() for place in wanted.values()},
        )
        content = pa.BufferReader(text)
        try:
            # On Python 3.10, read_csv would walk through all of Python's objects.
            reader = arrow_csv.open_csv(content, how_to_read, how_to_parse, how_to_convert)
            table = reader.read_all()
        except pa.ArrowInvalid:
            return None
        if table.num_rows != len(ends):
            return None
        columns: dict[str, pa.Array] = {}
        for name, place in wanted.items():
            columns[name] = pa.concat_arrays(table.column(place).chunks)
        return columns
