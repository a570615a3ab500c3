"""The features of each item as they were known at each time, where they are read from the events.

An event whose own row lacks a value gets the one that any event of the same item had last, strictly
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa

from preprocessing.catalog import item_columns, order_codes
from preprocessing.entities import EntityTable, with_absent
from preprocessing.histories import is_run_end, is_run_start
from preprocessing.sources.columns import ITEM, KEY, TIME
from preprocessing.spec import DatasetSpec
from preprocessing.tables import encode_strings, from_bytes, is_absent, partition, to_bytes

Part = tuple[str, bytes]  # a table's name and some of its rows


class KnownValues(beam.PTransform):
    """From (shard, part of a table) to (column, rows as bytes): the changes of items' values.

    See `changes`. A column needs none if every event has a value, unless items are sampled, which
    have no event of their own.

    Args:
        spec: The dataset spec.
        shards: Items are spread over so many by a hash of their id.
    """

    def __init__(self, spec: DatasetSpec, shards: int) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        columns = event_columns(self._spec)
        if not columns:
            return parts.pipeline | "None" >> beam.Create([])
        wanted = self._wanted(parts, columns)
        return (
            parts
            | "Values" >> beam.FlatMap(_values, columns, beam.pvalue.AsList(wanted), self._shards)
            | "GroupByItems" >> beam.GroupByKey()
            | "Changes" >> beam.FlatMapTuple(lambda _, of_shard: _changes_of_parts(of_shard))
        )

    def _wanted(self, parts: beam.PCollection, columns: tuple[str, ...]) -> beam.PCollection:
        if self._spec.negatives is not None:
            return parts.pipeline | "All" >> beam.Create(columns)
        lacking = parts | "Lacking" >> beam.ParDo(_Lacking(columns))
        # Once each, as every worker holds them all; Distinct would do, but is a Combine, which the
        # DirectRunner can't do in a streaming job.
        by_column = lacking | "ByColumn" >> beam.Map(lambda column: (column, None))
        return by_column | "GroupByColumn" >> beam.GroupByKey() | "Once" >> beam.Keys()


def event_columns(spec: DatasetSpec) -> tuple[str, ...]:
    """The events' columns that item features are read from."""
    return tuple(sorted(set(item_columns(spec, "events").values())))


def changes(table: pa.Table, column: str) -> pa.Table:
    """The rows of a table of `key`, `time` and `column` that change the value of an item.

    Absent values are left out. Of several values at one second, the last in their order stays. The
    table must have all rows of its items.
    """
    values = table.column(column).combine_chunks()
    present = table.filter(pa.array(~is_absent(values))).combine_chunks()
    keys = encode_strings(present.column(KEY)).codes
    codes = order_codes(present.column(column))
    times = present.column(TIME).to_numpy()
    order = np.lexsort((codes, times, keys))
    kept = order[is_run_end(keys[order], times[order])]
    differs = is_run_start(keys[kept], codes[kept])
    return present.take(pa.array(kept[differs])).select([KEY, TIME, column])


def known_table(table: pa.Table, column: str) -> EntityTable:
    """Changes of one column as a table that is joined as of a time."""
    ordered = table.sort_by([(KEY, "ascending"), (TIME, "ascending")]).combine_chunks()
    keys = encode_strings(ordered.column(KEY))
    times = ordered.column(TIME).to_numpy()
    columns = {column: with_absent(ordered.column(column))}
    return EntityTable(keys.values, keys.codes, times, columns)


def known_tables(contents: Iterable[tuple[str, bytes]]) -> dict[str, EntityTable]:
    """The table of each column, as from `known_table`, of what `KnownValues` gave."""
    tables: dict[str, EntityTable] = {}
    for column, table in _by_column(contents):
        tables[column] = known_table(table, column)
    return tables


class _Lacking(beam.DoFn):
    """The columns in which some event has no value, each once in a bundle."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__()
        self._columns = columns
        self._found: set[str] = set()

    def start_bundle(self) -> None:
        self._found = set()

    def process(self, part: tuple[int, Part]) -> Iterator[str]:
        """From (shard, part of a table)."""
        table = _events_of(part)
        if table is None:
            return
        for column in self._columns:
            if column in self._found:
                continue
            if is_absent(table.column(column).combine_chunks()).any():
                self._found.add(column)
                yield column


def _values(
    part: tuple[int, Part], columns: tuple[str, ...], wanted: list[str], shards: int
) -> Iterator[tuple[int, Part]]:
    """(shard of items, (column, its rows))."""
    table = _events_of(part)
    if table is None:
        return
    for column in columns:
        if column in wanted:
            rows = table.select([ITEM, TIME, column]).rename_columns([KEY, TIME, column])
            distinct = rows.group_by([KEY, TIME, column]).aggregate([])
            yield from partition(distinct.select([KEY, TIME, column]), column, KEY, shards)


def _changes_of_parts(parts: Iterable[Part]) -> Iterator[tuple[str, bytes]]:
    for column, table in _by_column(parts):
        changed = changes(table, column)
        if changed.num_rows:
            yield column, to_bytes(changed)


def _by_column(parts: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, pa.Table]]:
    """Each column with all of its rows."""
    by_column: dict[str, list[bytes]] = {}
    for column, rows in parts:
        by_column.setdefault(column, []).append(rows)
    for column, contents in sorted(by_column.items()):
        table = from_bytes(contents)
        if table is not None:
            yield column, table


def _events_of(part: tuple[int, Part]) -> pa.Table | None:
    name, rows = part[1]
    return from_bytes([rows]) if name == "events" else None
