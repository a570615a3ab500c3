"""Reads the titles of an item table, for people; models never see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.counts import Counts
from preprocessing.entities import EntityTable
from preprocessing.sources.columns import KEY, TIME, Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section
from preprocessing.sources.times import LATEST_SECOND, seconds_of
from preprocessing.sources.values import as_text
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Entities

_TITLE = "title"


def read_titles(spec: DatasetSpec) -> dict[str, str]:
    """The titles of items by id; none if the spec names no title column.

    Of several titles of an item, it is the one that comes first in sorted order; where the table
    has a timestamp, the latest one.

    Raises:
        DataError: the item table or one of its columns is missing.
    """
    table = title_table(spec)
    if table is None:
        return {}
    latest = table.until(LATEST_SECOND + 1)
    titles = pc.fill_null(latest.columns[_TITLE].cast(pa.string()), "")[: len(latest.keys)]
    return dict(zip(latest.keys.to_pylist(), titles.to_pylist(), strict=True))


def title_table(spec: DatasetSpec) -> EntityTable | None:
    """The ids and titles of the item table; a title is null where there is none.

    None if the spec names no title column.

    Raises:
        DataError: the item table or one of its columns is missing.
    """
    if spec.items is None or spec.items.title is None:
        return None
    types: dict[str, pa.DataType] = {KEY: pa.string(), _TITLE: pa.string()}
    if spec.items.timestamp is not None:
        types[TIME] = pa.int64()
    rows = [pa.schema(types).empty_table(), *_batches(spec.items, spec.items.title)]
    return EntityTable.from_table(pa.concat_tables(rows))


def title_conflicts(spec: DatasetSpec, table: EntityTable) -> Counts:
    """Counts the items that have several titles, as of table `titles`."""
    if spec.items is None or spec.items.title is None:
        return Counter()
    sources = {KEY: spec.items.key, _TITLE: spec.items.title}
    return table.conflicts.counted("titles", sources)


def _batches(items: Entities, title: str) -> Iterator[pa.Table]:
    columns = [
        Column(KEY, items.key, "id", "items.key"),
        Column(_TITLE, title, "text", "items.title"),
    ]
    if items.timestamp is not None:
        columns.append(Column(TIME, items.timestamp, "time", "items.timestamp"))
    for path in files_of(items, "items"):
        parts = reader_of(items).read_batches(Section(path), items, "items", tuple(columns), None)
        for part in parts:
            if isinstance(part, RawBatch):
                yield _titled_rows(part, items)


def _titled_rows(batch: RawBatch, items: Entities) -> pa.Table:
    rows = {name: as_text(batch.columns[name], name)[0] for name in (KEY, _TITLE)}
    # Nulls come last in sorted order, and differ from nothing: any title goes before none.
    rows[_TITLE] = pc.if_else(
        pc.equal(rows[_TITLE], ""), pa.scalar(None, pa.string()), rows[_TITLE]
    )
    is_known = pc.not_equal(rows[KEY], "")
    if items.timestamp is not None:
        seconds, _ = seconds_of(batch.columns[TIME], items.time_format, items.timestamp)
        is_usable = (seconds >= 0) & (seconds <= LATEST_SECOND)  # or its row is rejected
        rows[TIME] = pa.array(np.where(is_usable, seconds, 0).astype(np.int64))
        is_known = pc.and_(is_known, pa.array(is_usable))
    return pa.table(rows).filter(is_known)
