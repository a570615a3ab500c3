"""Checks rows as any source gives them: good rows, typed, and rejected ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import TIME, Column, TableName
from preprocessing.sources.explode import explode_of
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.row_counts import with_rows
from preprocessing.sources.zone_counts import with_zones
from preprocessing.spec_tables import Entities, Events


def check_batch(
    raw: RawBatch,
    declared: Events | Entities,
    table: TableName,
    columns: tuple[Column, ...],
    path: str,
) -> Iterator[pa.Table | list[RejectedRow]]:
    """Types the columns: good rows, and lists of rejected ones."""
    good, rejected = parse_batch(
        raw, columns, table, path, time_format=declared.time_format, absent=declared.absent
    )
    if declared.time_format == "iso" and TIME in raw.columns:
        good = with_zones(good, raw.columns[TIME])
    if explode_of(declared) is not None:
        good = with_rows(good, len(np.unique(raw.numbers)))
        rejected = [dataclasses.replace(row, is_entry=True) for row in rejected]
    yield good
    if rejected:
        yield rejected
