"""Reads Avro object container files."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator
from typing import IO, Any

import fastavro
import numpy as np

from preprocessing.errors import BrokenFileError, DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.explode import columns_in_file
from preprocessing.sources.file_types import odd_type
from preprocessing.sources.files import open_binary
from preprocessing.sources.nested import Row, batch_of
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.section import Section
from preprocessing.spec_tables import Explode, Table

_BATCH_ROWS = 1 << 15
_MARK_BYTES = 8
# What fastavro needs to decompress a codec's blocks: the module, and the package that has it.
_CODECS = {
    "snappy": ("cramjam", "cramjam"),
    "lz4": ("lz4", "lz4"),
    "zstandard": ("zstandard", "zstandard"),
}
# What fastavro raises in damaged blocks.
_BROKEN = (EOFError, ValueError, IndexError, OSError, KeyError, TypeError)


def sections(path: str, table: Table) -> list[Section]:
    """The whole file, as one section."""
    return [Section(path)]


def read_header(path: str, table: Table) -> Header:
    """The names of the fields, and the paths of those inside them."""
    with open_binary(path) as stream:
        return Header(tuple(_names(_reader(stream, path).writer_schema, "")))


def read_batches(
    section: Section,
    table: Table,
    table_name: str,
    columns: tuple[Column, ...],
    explode: Explode | None,
) -> Iterator[RawBatch | RejectedRow]:
    """The rows of a file as batches.

    Raises:
        BrokenFileError: the file breaks off.
        DataError: a column is missing, this is no Avro file, or its blocks are compressed by what
            isn't installed.
    """
    header = read_header(section.path, table)
    for column in columns_in_file(explode, columns):
        header.position(column, section.path)
    with open_binary(section.path) as stream:
        reader = _reader(stream, section.path)
        number = 1
        error: Exception | None = None
        while True:
            rows: list[Row] = []
            try:
                rows.extend(itertools.islice(reader, _BATCH_ROWS))
            except _BROKEN as problem:
                error = problem
            if rows:
                numbers = np.arange(number, number + len(rows))
                batch, rejected = batch_of(rows, numbers, columns, explode, section.path)
                yield batch
                yield from rejected
            number += len(rows)
            if error:  # raised only now, so that the rows before the break are used
                message = (
                    f"{section.path}: the file breaks off at row {number}: {type(error).__name__} "
                    f"{error}."
                )
                raise BrokenFileError(message, number, stream.tell())
            if not rows:
                return


def _reader(stream: IO[bytes], path: str) -> Any:
    """A reader of the file's rows, once what it needs is known to be there."""
    try:
        reader = fastavro.reader(stream)
    except _BROKEN as error:
        stream.seek(0)
        what = odd_type(stream.read(_MARK_BYTES))
        if what:
            raise DataError(f"{path}: not an Avro file: it {what}.") from error
        raise BrokenFileError(f"{path}: not a whole Avro file: {error}.") from error
    module, package = _CODECS.get(reader.codec, ("", ""))
    if module and not importlib.util.find_spec(module):
        raise DataError(
            f"{path}: its blocks are compressed by {reader.codec}, which needs another package. "
            f"Run: pip install {package}"
        )
    return reader


def _names(schema: Any, prefix: str) -> Iterator[str]:
    """The names of a schema's fields, and the paths of those inside them."""
    if isinstance(schema, list):  # a union, such as null or a record
        for option in schema:
            yield from _names(option, prefix)
    elif isinstance(schema, dict) and schema.get("type") == "record":
        for field in schema["fields"]:
            yield prefix + field["name"]
            yield from _names(field["type"], f"{prefix}{field['name']}.")
