"""The record features of events: from their own columns, or joined from other tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing import features as names
from preprocessing.activity import ItemPool
from preprocessing.counts import Counts
from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.features import RecordFeature
from preprocessing.joins import match_counts
from preprocessing.labels import labels
from preprocessing.leaks import buckets_of
from preprocessing.popularity import TrainingEvents
from preprocessing.sources.columns import ITEM, TIME, USER, TableName, source_of, text_column
from preprocessing.spec import DatasetSpec
from preprocessing.tables import is_absent


@dataclasses.dataclass(frozen=True)
class Tables:
    """The tables beside the events; None where the spec has none.

    Attributes:
        items: By item id.
        users: By user id; the users of one shard.
        context: By a column of the events.
        pool: The items that negatives are drawn from.
        training_events: How many training events items have; None where nobody has counted.
        known: The changes of items' values, by item id, for each column of the events that item
            features are read from.
    """

    items: EntityTable | None = None
    users: EntityTable | None = None
    context: EntityTable | None = None
    pool: ItemPool | None = None
    training_events: TrainingEvents | None = None
    known: Mapping[str, EntityTable] = dataclasses.field(default_factory=dict)


class EventFeatures:
    """Values of record features by event number.

    With E events, numbers from E on are sampled items: E + p is the p-th item of the pool, which
    has the features of items only, and label 0. An item feature that is read from the events and
    is absent in the event's own row has the value that was known of the item strictly before.
    """

    def __init__(self, spec: DatasetSpec, events: SortedEvents, tables: Tables) -> None:
        self._spec = spec
        self._events = events
        self._tables = tables
        # Computed when first asked for, then kept.
        self._columns: dict[str, tuple[np.ndarray, pa.Array]] = {}
        self._keys: dict[str, np.ndarray] = {}
        self._lacking: dict[str, np.ndarray] = {}
        self._levels: np.ndarray | None = None
        self._labels: dict[str, np.ndarray] = {}
        for task, label in spec.tasks.items():
            # One more at the end: the label 0 of every sampled item.
            with_sampled = np.append(labels(events, label), False)
            self._labels[task] = with_sampled.astype(np.float32)

    def labels(self, task: str, numbers: np.ndarray) -> np.ndarray:
        """The labels of some events: float32."""
        return self._labels[task][np.minimum(numbers, len(self._events))]

    def match_counts(self, table: TableName) -> Counts:
        """How many events find a row of a table that holds by then; see `joins.match_counts`."""
        entities = self._entities(table)
        count = len(self._events)
        codes, values = self._own(self._key_column(table))
        # Behaviours of earlier lists aren't rows of the log.
        logged = ~self._events.is_listed
        rows = np.bincount(codes[:count][logged], minlength=len(values))
        places = entities.rows_at(self._keys_in(table)[:count], self._events.time)
        found = (places < len(entities.row_keys)) & logged
        named = np.flatnonzero((rows > 0) & ~is_absent(values))
        ids = values.take(pa.array(named)).cast(pa.string())
        return match_counts(table, ids, rows[named], entities.keys, int(found.sum()))

    def changes(self, feature: RecordFeature) -> tuple[int, int]:
        """How often an item feature that is read from the events changes between an item's events.

        Returns:
            How many events have a value and come after another event of the item that has one, and
            in how many of these the value differs.
        """
        column = self._source(feature)[1]
        items = self._events.strings[ITEM].codes
        time = self._events.time
        given = np.flatnonzero(~self._is_absent(column)[: len(self._events)])
        order = given[np.lexsort((time[given], items[given]))]
        strings = self._events.strings.get(column)
        values = (self._events.numbers[column] if strings is None else strings.codes)[order]
        has_earlier = items[order][1:] == items[order][:-1]
        return int(has_earlier.sum()), int((has_earlier & (values[1:] != values[:-1])).sum())

    def training_events(self, numbers: np.ndarray) -> np.ndarray | None:
        """About how many training events the items of some events have: int64.

        None where nobody has counted.
        """
        if self._tables.training_events is None:
            return None
        codes, values = self._own(ITEM)
        if self._levels is None:
            self._levels = self._tables.training_events.levels_of(values.cast(pa.string()))
        return self._levels[codes[numbers]]

    def buckets(self, feature: RecordFeature, numbers: np.ndarray, times: np.ndarray) -> np.ndarray:
        """The bucket, as from `leaks.buckets_of`, of each value that `__call__` gives: int64."""
        table, column = self._source(feature)
        if table != "events":
            entities = self._entities(table)
            keys = self._keys_in(table)[numbers]
            return _bucketed(entities.columns[column], entities.rows_at(keys, times))
        codes, values = self._own(column)
        found = _bucketed(values, codes[numbers])
        known = self._tables.known.get(column) if feature.owner == "item" else None
        if known is not None:
            lacking = self._is_absent(column)[numbers]
            keys = self._item_keys(column, known)[numbers[lacking]]
            found[lacking] = _bucketed(known.columns[column], known.rows_at(keys, times[lacking]))
        return found

    def __call__(
        self, feature: RecordFeature, numbers: np.ndarray, times: np.ndarray | None = None
    ) -> pa.Array:
        """A feature's values.

        Args:
            feature: Any but the request's own.
            numbers: int64, event numbers.
            times: int64, seconds: what was known strictly before is joined and filled in; by
                default each event's own time.
        """
        if feature.side == "label":
            return pa.array(self.labels(feature.field, numbers))
        table, column = self._source(feature)
        if table == "events":
            return self._filled(feature, column, numbers, times)
        entities = self._entities(table)
        rows = self._keys_in(table)[numbers]
        if entities.times is not None:
            rows = entities.rows_at(rows, self._events.time[numbers] if times is None else times)
        return entities.columns[column].take(pa.array(rows))

    def _filled(
        self, feature: RecordFeature, column: str, numbers: np.ndarray, times: np.ndarray | None
    ) -> pa.Array:
        """The events' own values, and where an item has none, what was known of it."""
        codes, values = self._own(column)
        own = values.take(pa.array(codes[numbers]))
        known = self._tables.known.get(column) if feature.owner == "item" else None
        if known is None:
            return own
        lacking = self._is_absent(column)[numbers]
        asked = self._events.time[numbers[lacking]] if times is None else times[lacking]
        rows = known.rows_at(self._item_keys(column, known)[numbers[lacking]], asked)
        filled = known.columns[column].take(pa.array(rows)).cast(values.type)
        return pc.replace_with_mask(own, pa.array(lacking), filled)

    def _is_absent(self, column: str) -> np.ndarray:
        """Whether each event, and after them each item of the pool, has no value: bool."""
        if column not in self._lacking:
            codes, values = self._own(column)
            self._lacking[column] = is_absent(values)[codes]
        return self._lacking[column]

    def _item_keys(self, column: str, known: EntityTable) -> np.ndarray:
        """The key among known values of each event's item, and of the pool's items: int64."""
        name = f"known:{column}"
        if name not in self._keys:
            codes, values = self._own(ITEM)
            self._keys[name] = known.keys_of(values.cast(pa.string()))[codes]
        return self._keys[name]

    def _source(self, feature: RecordFeature) -> tuple[str, str]:
        if feature.spec is not None:
            return source_of(self._spec, feature)
        keys = {names.USER_ID: USER, names.HISTORY_TIMESTAMP: TIME}
        return "events", keys.get(feature.name, ITEM)

    def _own(self, column: str) -> tuple[np.ndarray, pa.Array]:
        """A column of the events, and after them of the pool: codes, and the codes' values."""
        if column not in self._columns:
            self._columns[column] = self._with_pool(column, *self._coded(column))
        return self._columns[column]

    def _coded(self, column: str) -> tuple[np.ndarray, pa.Array]:
        if column in self._events.strings:
            strings = self._events.strings[column]
            return strings.codes, strings.values.cast(pa.binary())
        numbers = self._events.numbers[column]
        if column == TIME:
            numbers = np.where(self._events.is_listed, 0, numbers)
        return np.arange(len(numbers)), pa.array(numbers)

    def _with_pool(
        self, column: str, codes: np.ndarray, values: pa.Array
    ) -> tuple[np.ndarray, pa.Array]:
        """Adds the pool's items: their ids, or in any other column an absent value."""
        pool = self._tables.pool
        if pool is None or column == TIME:
            return codes, values
        if column == ITEM:
            added = pool.ids.cast(values.type)
            places = np.arange(len(pool))
        else:
            absent = float("nan") if pa.types.is_floating(values.type) else b""
            added = pa.array([absent], values.type)
            places = np.zeros(len(pool), np.int64)
        return np.append(codes, len(values) + places), pa.concat_arrays([values, added])

    def _keys_in(self, table: str) -> np.ndarray:
        """The key in another table of each event, and after them of the pool's items: int64."""
        if table not in self._keys:
            codes, values = self._own(self._key_column(table))
            self._keys[table] = self._entities(table).keys_of(values.cast(pa.string()))[codes]
        return self._keys[table]

    def _key_column(self, table: str) -> str:
        """The events' column that names a table's rows."""
        if table == "items":
            return ITEM
        if table == "users":
            return USER
        assert self._spec.context is not None
        return text_column(self._spec.context.on)

    def _entities(self, table: str) -> EntityTable:
        entities = getattr(self._tables, table)
        if entities is None:
            raise ValueError(
                f"a feature of this table needs the table's rows. Received: {table}=None"
            )
        return entities


def _bucketed(values: pa.Array, codes: np.ndarray) -> np.ndarray:
    """The bucket of each coded value; only of values that occur: int64 [codes]."""
    occurs = np.zeros(len(values), bool)
    occurs[codes] = True
    buckets = np.zeros(len(values), np.int64)
    buckets[occurs] = buckets_of(values.filter(pa.array(occurs)))
    return buckets[codes]
