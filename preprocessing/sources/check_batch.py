"""Rows as any source gives them to good rows, typed, and rejected ones."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column, TableName
from preprocessing.sources.explode import explode_batch
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.raw import RawBatch
from preprocessing.spec import Entities, Events, Explode


def check_batch(
    raw: RawBatch, declared: Events | Entities, table: TableName, columns: tuple[Column, ...], path: str
) -> Iterator[pa.Table | list[RejectedRow]]:
    """Takes lists apart where the spec says so, and types the columns: good rows, and lists of rejected ones."""
    explode = explode_of(declared)
    if explode:
        raw, rejected = explode_batch(raw, explode, columns, path)
        if rejected:
            yield rejected
    good, rejected = parse_batch(raw, columns, table, path, declared.time_format)
    yield good
    if rejected:
        yield rejected


def explode_of(declared: Events | Entities) -> Explode | None:
    """How a table's rows are taken apart; None if they aren't."""
    return declared.explode if isinstance(declared, Events) else None
