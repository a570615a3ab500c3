"""Reads Avro object container files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import fastavro
import numpy as np

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.explode import columns_in_file
from preprocessing.sources.files import open_binary
from preprocessing.sources.nested import Row, batch_of
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.section import Section
from preprocessing.spec_tables import Explode, Table

_BATCH_ROWS = 1 << 15
_BROKEN = (EOFError, ValueError, IndexError, OSError, KeyError, TypeError)  # what fastavro meets in damaged blocks


def sections(path: str, table: Table) -> list[Section]:
    """The file as one."""
    return [Section(path)]


def read_header(path: str, table: Table) -> Header:
    """The names of the fields, and the paths of those inside them."""
    with open_binary(path) as stream:
        return Header(tuple(_names(_reader(stream, path).writer_schema, "")))


def read_batches(
    section: Section, table: Table, table_name: str, columns: tuple[Column, ...], explode: Explode | None
) -> Iterator[RawBatch | RejectedRow]:
    """The rows of a file as batches, and where it breaks off.

    Raises:
        DataError: a column is missing, or this is no Avro file.
    """
    header = read_header(section.path, table)
    for column in columns_in_file(explode, columns):
        header.position(column, section.path)
    with open_binary(section.path) as stream:
        reader = _reader(stream, section.path)
        number, error = 1, None
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
            if error:
                message = f"the file breaks off here: {type(error).__name__} {error}"
                yield RejectedRow(table_name, section.path, number, "truncated", message)
            if error or not rows:
                return


def _reader(stream: Any, path: str) -> Any:
    try:
        return fastavro.reader(stream)
    except _BROKEN as error:
        raise DataError(f"{path}: not an Avro file: {error}.") from error


def _names(schema: Any, prefix: str) -> Iterator[str]:
    if isinstance(schema, list):  # a union, such as null or a record
        for option in schema:
            yield from _names(option, prefix)
    elif isinstance(schema, dict) and schema.get("type") == "record":
        for field in schema["fields"]:
            yield prefix + field["name"]
            yield from _names(field["type"], f"{prefix}{field['name']}.")
