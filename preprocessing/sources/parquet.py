"""Reads Parquet files: the wanted columns, by row groups."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from preprocessing.errors import BrokenFileError, DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.explode import columns_in_file, exploded
from preprocessing.sources.file_types import odd_type
from preprocessing.sources.files import open_binary, size_of
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_tables import Explode, Table

_BATCH_ROWS = 1 << 17
_MARK_BYTES = 8
_SECTION_ROWS = 1 << 20


def sections(path: str, table: Table) -> list[Section]:
    """The parts of a file that can be read on their own: row groups of about a million rows."""
    with _open(path) as file:
        before = _rows_before(file)
    starts = [0]
    for group in range(1, len(before) - 1):
        if before[group] - before[starts[-1]] >= _SECTION_ROWS:
            starts.append(group)
    stops = [*starts[1:], None]
    return [Section(path, start, stop) for start, stop in zip(starts, stops, strict=True)]


def read_header(path: str, table: Table) -> Header:
    """The names of the columns, and the paths of fields inside them."""
    with _open(path) as file:
        names: list[str] = []
        for field in file.schema_arrow:
            names += _names(field, "")
        return Header(tuple(names))


def read_batches(
    section: Section,
    table: Table,
    table_name: str,
    columns: tuple[Column, ...],
    explode: Explode | None,
) -> Iterator[RawBatch | RejectedRow | SectionRows]:
    """The rows of a section, or their events, as batches.

    Raises:
        DataError: a column is missing, or the file is damaged.
    """
    in_file = columns_in_file(explode, columns)
    header = read_header(section.path, table)
    for column in in_file:
        header.position(column, section.path)
    yield from exploded(_batches(section, in_file), explode, columns, section.path)


def _batches(section: Section, columns: tuple[Column, ...]) -> Iterator[RawBatch]:
    with _open(section.path) as file:
        before = _rows_before(file)
        stop = len(before) - 1 if section.stop is None else section.stop
        tops = {field.name for field in file.schema_arrow}
        sources = {column.source for column in columns}
        wanted = {source if source in tops else source.split(".")[0] for source in sources}
        batches = file.iter_batches(
            _BATCH_ROWS,
            row_groups=list(range(section.start, stop)),
            columns=sorted(wanted),
            use_threads=False,
        )
        number = before[section.start] + 1
        while batch := _next(batches, section.path, number, before[-1]):
            arrays = {column.name: _column(batch, column.source) for column in columns}
            numbers = np.arange(number, number + batch.num_rows)
            yield RawBatch(arrays, dict.fromkeys(arrays, ""), numbers)
            number += batch.num_rows


def _next(
    batches: Iterator[pa.RecordBatch], path: str, number: int, rows: int
) -> pa.RecordBatch | None:
    """The next batch, None at the end; `number` is its first row's, of the file's `rows`."""
    try:
        return next(batches, None)
    except pa.ArrowNotImplementedError as error:
        raise DataError(
            f"{path}: Arrow can't read it: {error}. Write it with other types or compression."
        ) from error
    except (pa.ArrowException, OSError) as error:
        read = size_of(path) * (number - 1) // max(rows, 1)
        raise BrokenFileError(
            f"{path}: the file is damaged from row {number} on: {error}.", number, read
        ) from error


@contextlib.contextmanager
def _open(path: str) -> Iterator[pq.ParquetFile]:
    with open_binary(path) as stream:
        try:
            file = pq.ParquetFile(stream)
        except (pa.ArrowInvalid, OSError) as error:
            stream.seek(0)
            what = odd_type(stream.read(_MARK_BYTES).removeprefix(b"PAR1"))
            if what:
                raise DataError(f"{path}: not a Parquet file: it {what}.") from error
            raise BrokenFileError(f"{path}: not a whole Parquet file: {error}.") from error
        yield file


def _rows_before(file: pq.ParquetFile) -> list[int]:
    """The rows before each row group, and all rows."""
    groups = range(file.metadata.num_row_groups)
    rows = [file.metadata.row_group(group).num_rows for group in groups]
    return [0, *itertools.accumulate(rows)]


def _names(field: pa.Field, prefix: str) -> Iterator[str]:
    """The name of a column, and the paths of the fields inside it."""
    yield prefix + field.name
    if pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _names(inner, f"{prefix}{field.name}.")


def _column(batch: pa.RecordBatch, source: str) -> pa.Array:
    if source in batch.schema.names:
        return batch.column(batch.schema.get_field_index(source))
    top, *path = source.split(".")
    values = batch.column(batch.schema.get_field_index(top))
    for part in path:
        inner = values.field(part)
        # The field doesn't know where the structure itself is absent.
        if values.null_count:
            inner = pc.if_else(values.is_null(), pa.scalar(None, inner.type), inner)
        values = inner
    return values
