"""The catalogue: every item of the item table and every item that was seen in training.

Each has its number of training events and the values of its item features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing import features as names
from preprocessing.encoding import Lists, encode_records
from preprocessing.entities import EntityTable, as_array, with_absent
from preprocessing.features import CATALOG_ITEMS_A_RECORD, record_features
from preprocessing.histories import is_run_end
from preprocessing.sources.columns import ITEM, KEY, PLACE, TIME, USER, source_of
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.tables import encode_strings, is_absent

COUNT = "count"


def item_columns(spec: DatasetSpec, table: str) -> dict[str, str]:
    """The item features that are read from `table`.

    Returns:
        The names of candidate features, each with the batch's name of its column.
    """
    columns = {}
    for feature in record_features(spec):
        if feature.side == "candidate" and feature.spec and not feature.statistic:
            source, column = source_of(spec, feature)
            if source == table:
                columns[feature.name] = column
    return columns


def seen_items(spec: DatasetSpec, events: pa.Table, cutoffs: CutOffs) -> pa.Table:
    """The items with events before the validation cut-off.

    Returns:
        Columns `key` and `count`, and for each column that item features are read from, its last
        known value, and under `since(column)` the time of that value, -1 if there is none.
    """
    seen = events.filter(pc.less(events.column(TIME), cutoffs.validation)).combine_chunks()
    times = seen.column(TIME).to_numpy()
    columns = {KEY: seen.column(ITEM), COUNT: pa.array(np.ones(len(times), np.int64))}
    for column in item_columns(spec, "events").values():
        absent = is_absent(as_array(seen.column(column)))
        columns[column] = seen.column(column)
        columns[since(column)] = pa.array(np.where(absent, -1, times))
    return merge_seen([pa.table(columns)])


def columns_of_items(spec: DatasetSpec) -> set[str]:
    """The events' columns that tell which items were seen."""
    lists = {USER, PLACE} if spec.history.earlier else set()
    return {ITEM, TIME, *lists, *item_columns(spec, "events").values()}


def since(column: str) -> str:
    """The name of the column that says when a column's value was known."""
    return f"since:{column}"


def merge_seen(tables: list[pa.Table]) -> pa.Table:
    """Adds up the counts of each item and keeps its latest known values.

    The result doesn't depend on the order of the tables.
    """
    table = pa.concat_tables(tables).combine_chunks()
    keys = encode_strings(table.column(KEY))
    counts = np.zeros(len(keys.values), np.int64)
    np.add.at(counts, keys.codes, table.column(COUNT).to_numpy())
    merged: dict[str, pa.Array] = {KEY: keys.values, COUNT: pa.array(counts)}
    for column in sorted(set(table.column_names) - {KEY, COUNT}):
        if since(column) not in table.column_names:
            continue
        times = table.column(since(column)).to_numpy()
        # Of several values at one time the last in their own order counts, whatever table has it.
        order = np.lexsort((order_codes(table.column(column)), times, keys.codes))
        latest = pa.array(order[is_run_end(keys.codes[order])])
        for name in (column, since(column)):
            merged[name] = as_array(table.column(name)).take(latest)
    return pa.table(merged)


class Catalog:
    """The catalogue's items, the most frequent in training first, then by id.

    Args:
        spec: Which columns an item has.
        seen: The items of the log before the training cut-off, see `seen_items`.
        items: The item table as of the cut-off, if there is one.
    """

    def __init__(self, spec: DatasetSpec, seen: pa.Table, items: EntityTable | None) -> None:
        self._spec = spec
        seen_table = seen.combine_chunks()
        frequent = seen_table.filter(
            pc.greater_equal(seen_table.column(COUNT), spec.item_min_count)
        )
        ids = frequent.column(KEY).chunks + ([items.keys] if items else [])
        distinct = encode_strings(pa.chunked_array(ids, pa.string())).values
        # One past the last row stands for an item that was never seen: it has no events.
        seen_rows = self._rows(distinct, seen_table)
        counts = np.append(seen_table.column(COUNT).to_numpy(), 0)[seen_rows]
        order = np.lexsort((np.arange(len(distinct)), -counts))
        self.ids = distinct.take(pa.array(order))
        self.counts = counts[order]
        self._columns = {
            names.CANDIDATE_ITEM_ID: self.ids,
            names.TRAINING_EVENTS: pa.array(self.counts),
        }
        for name, column in item_columns(spec, "events").items():
            values = with_absent(seen_table.column(column))
            self._columns[name] = values.take(pa.array(seen_rows[order]))
        if items:
            for name, column in item_columns(spec, "items").items():
                self._columns[name] = items.columns[column].take(pa.array(items.keys_of(self.ids)))

    def __len__(self) -> int:
        return len(self.ids)

    def values_of(self, name: str) -> pa.Array:
        """The values of an item feature, binary where they are text; "" or NaN where absent."""
        return self._columns[names.feature_name("candidate", name)]

    def records(self) -> Iterator[bytes]:
        """Records of CATALOG_ITEMS_A_RECORD candidates each, without user, history and labels."""
        features = record_features(self._spec)
        for number, start in enumerate(range(0, len(self), CATALOG_ITEMS_A_RECORD)):
            size = min(CATALOG_ITEMS_A_RECORD, len(self) - start)
            offsets = np.array([0, size])
            lists: dict[str, Lists] = {}
            for name, column in self._columns.items():
                lists[name] = Lists(offsets, column.slice(start, size))
            # The lines of the statistics table have the statistics of items; here they are absent.
            absent = Lists(offsets, pa.array([float("nan")] * size))
            for feature in features:
                if feature.statistic and feature.side == "candidate":
                    lists[feature.name] = absent
            scalars = {names.REQUEST_ID: pa.array([f"catalog:{number}"])}
            yield from encode_records(features, 1, scalars, lists)

    @staticmethod
    def _rows(ids: pa.Array, seen: pa.Table) -> np.ndarray:
        """The row of each id among the items that were seen, or one past the last."""
        keys = as_array(seen.column(KEY))
        return EntityTable(keys, np.arange(len(keys)), None, {}).keys_of(ids)


def statistic_records(spec: DatasetSpec, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Records of split `catalog` that hold the lines of the statistics table, sorted."""
    features = record_features(spec)
    lines: list[bytes] = []
    for piece in pieces:
        lines += piece.splitlines()
    lines.sort()
    for number, start in enumerate(range(0, len(lines), CATALOG_ITEMS_A_RECORD)):
        some = lines[start : start + CATALOG_ITEMS_A_RECORD]
        lists = {
            names.STATISTIC_LINES: Lists(np.array([0, len(some)]), pa.array(some, pa.binary()))
        }
        scalars = {names.REQUEST_ID: pa.array([f"statistics:{number}"])}
        yield from encode_records(features, 1, scalars, lists)


def order_codes(column: pa.ChunkedArray) -> np.ndarray:
    """Numbers in the order of the values."""
    return encode_strings(column).codes if pa.types.is_string(column.type) else column.to_numpy()
