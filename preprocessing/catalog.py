"""The catalogue: every item of the item table and every item seen in training, with its count and side info."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing import features as names
from preprocessing.encoding import Lists, encode_records
from preprocessing.entities import EntityTable, with_absent
from preprocessing.events import SortedEvents
from preprocessing.features import CATALOG_ITEMS_A_RECORD, record_features
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import ITEM, KEY, TIME, source_of
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Condition
from preprocessing.splits import CutOffs
from preprocessing.tables import encode_strings

COUNT = "count"


def item_columns(spec: DatasetSpec, table: str) -> dict[str, str]:
    """The item features that are read from `table`: candidate feature name -> the batch's column name."""
    sources = {f.name: source_of(spec, f) for f in record_features(spec) if f.side == "candidate" and f.spec}
    return {name: column for name, (of, column) in sources.items() if of == table}


def seen_items(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs, where: Iterable[Condition] = ()) -> pa.Table:
    """The items with events before the validation cut-off: `key`, `count`, and the latest event's item columns."""
    rows = np.flatnonzero((events.time < cutoffs.validation) & events.hold(where))
    columns = {KEY: events.strings[ITEM].take(rows).strings(), TIME: pa.array(events.time[rows])}
    columns[COUNT] = pa.array(np.ones(len(rows), np.int64))
    for column in item_columns(spec, "events").values():
        if column in events.strings:
            columns[column] = events.strings[column].take(rows).strings()
        else:
            columns[column] = pa.array(events.numbers[column][rows])
    return merge_seen([pa.table(columns)])


def merge_seen(tables: list[pa.Table]) -> pa.Table:
    """Adds up counts an item and keeps the latest values; the same whatever the tables' order."""
    table = pa.concat_tables(tables)
    values = sorted(set(table.column_names) - {KEY, TIME, COUNT})
    codes = [_order_codes(table.column(name)) for name in (KEY, TIME, *values)]
    order = np.lexsort(codes[::-1])
    starts = np.flatnonzero(is_run_start(codes[0][order])) if len(order) else order
    counts = table.column(COUNT).to_numpy()[order]
    latest = order[np.append(starts[1:], len(order)) - 1] if len(order) else order
    merged = table.take(pa.array(latest))
    summed = np.add.reduceat(counts, starts) if len(order) else counts
    return merged.set_column(merged.column_names.index(COUNT), COUNT, pa.array(summed))


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
        frequent = seen_table.filter(pc.greater_equal(seen_table.column(COUNT), spec.item_min_count))
        ids = frequent.column(KEY).chunks + ([items.keys] if items else [])
        distinct = encode_strings(pa.chunked_array(ids, pa.string())).values
        seen_rows = self._rows(distinct, seen_table)
        counts = np.append(seen_table.column(COUNT).to_numpy(), 0)[seen_rows]
        order = np.lexsort((np.arange(len(distinct)), -counts))
        self.ids = distinct.take(pa.array(order))
        self.counts = counts[order]
        self._columns = {names.CANDIDATE_ITEM_ID: self.ids, names.TRAINING_EVENTS: pa.array(self.counts)}
        for name, column in item_columns(spec, "events").items():
            self._columns[name] = with_absent(seen_table.column(column)).take(pa.array(seen_rows[order]))
        if items:
            for name, column in item_columns(spec, "items").items():
                self._columns[name] = items.columns[column].take(pa.array(items.keys_of(self.ids)))

    def __len__(self) -> int:
        return len(self.ids)

    def records(self) -> Iterator[bytes]:
        """Records whose candidates are CATALOG_ITEMS_A_RECORD items each, and which have no user, history or labels."""
        features = record_features(self._spec)
        for number, start in enumerate(range(0, len(self), CATALOG_ITEMS_A_RECORD)):
            size = min(CATALOG_ITEMS_A_RECORD, len(self) - start)
            lists = {
                name: Lists(np.array([0, size]), column.slice(start, size)) for name, column in self._columns.items()
            }
            scalars = {names.REQUEST_ID: pa.array([f"catalog:{number}"])}
            yield from encode_records(features, 1, scalars, lists)

    @staticmethod
    def _rows(ids: pa.Array, seen: pa.Table) -> np.ndarray:
        keys = pa.concat_arrays(seen.column(KEY).chunks) if seen.num_rows else pa.array([], pa.string())
        return EntityTable(keys, np.arange(len(keys)), None, {}).keys_of(ids)


def _order_codes(column: pa.ChunkedArray) -> np.ndarray:
    return encode_strings(column).codes if pa.types.is_string(column.type) else column.to_numpy()
