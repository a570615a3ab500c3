"""The record features of events: from their own columns, or joined from the other tables as of a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from preprocessing import features as names
from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.features import RecordFeature
from preprocessing.labels import labels
from preprocessing.negatives import ItemPool
from preprocessing.sources.columns import ITEM, TIME, USER, source_of, text_of
from preprocessing.spec import DatasetSpec


@dataclasses.dataclass(frozen=True)
class Tables:
    """The tables beside the events; None where the spec has none.

    Attributes:
        items: By item id.
        users: By user id; the users of one shard.
        context: By a column of the events.
        pool: The items that negatives are drawn from.
    """

    items: EntityTable | None = None
    users: EntityTable | None = None
    context: EntityTable | None = None
    pool: ItemPool | None = None


class EventFeatures:
    """Values of record features by event number.

    Numbers from E on are sampled items: E + p is the p-th item of the pool, which has an item's features alone, and
    label 0.
    """

    def __init__(self, spec: DatasetSpec, events: SortedEvents, tables: Tables) -> None:
        self._spec = spec
        self._events = events
        self._tables = tables
        self._columns: dict[str, tuple[np.ndarray, pa.Array]] = {}
        self._keys: dict[str, np.ndarray] = {}
        self._labels = {
            names.label_name(task): np.append(labels(events, label), False).astype(np.float32)
            for task, label in spec.tasks.items()
        }

    def labels(self, task: str, numbers: np.ndarray) -> np.ndarray:
        """The labels of some events: float32."""
        return self._labels[names.label_name(task)][np.minimum(numbers, len(self._events))]

    def __call__(self, feature: RecordFeature, numbers: np.ndarray, times: np.ndarray | None = None) -> pa.Array:
        """A feature's values.

        Args:
            feature: Any but the request's own.
            numbers: int64, event numbers.
            times: int64, seconds: as of when tables with a timestamp are joined; by default each event's own time.
        """
        if feature.side == "label":
            return pa.array(self.labels(feature.name.removeprefix("label_"), numbers))
        table, column = self._source(feature)
        if table == "events":
            codes, values = self._own(column)
            return values.take(pa.array(codes[numbers]))
        entities = self._entities(table)
        rows = self._keys_in(table)[numbers]
        if entities.times is not None:
            rows = entities.rows_at(rows, self._events.time[numbers] if times is None else times)
        return entities.columns[column].take(pa.array(rows))

    def _source(self, feature: RecordFeature) -> tuple[str, str]:
        if feature.spec is not None:
            return source_of(self._spec, feature)
        keys = {names.USER_ID: USER, names.HISTORY_TIMESTAMP: TIME}
        return "events", keys.get(feature.name, ITEM)

    def _own(self, column: str) -> tuple[np.ndarray, pa.Array]:
        """A column of the events, and of the pool after them: a code each, and a value a code."""
        if column not in self._columns:
            self._columns[column] = self._with_pool(column, *self._coded(column))
        return self._columns[column]

    def _coded(self, column: str) -> tuple[np.ndarray, pa.Array]:
        if column in self._events.strings:
            strings = self._events.strings[column]
            return strings.codes, strings.values.cast(pa.binary())
        numbers = self._events.numbers[column]
        return np.arange(len(numbers)), pa.array(numbers)

    def _with_pool(self, column: str, codes: np.ndarray, values: pa.Array) -> tuple[np.ndarray, pa.Array]:
        pool = self._tables.pool
        if pool is None or not (column == ITEM or column in pool.columns):
            return codes, values
        added = pool.ids if column == ITEM else pool.columns[column].slice(0, len(pool))
        return (
            np.append(codes, len(values) + np.arange(len(pool))),
            pa.concat_arrays([values, added.cast(values.type)]),
        )

    def _keys_in(self, table: str) -> np.ndarray:
        """The key of each event, and of each item of the pool after them, in another table: int64."""
        if table not in self._keys:
            column = {"items": ITEM, "users": USER}.get(table) or text_of(self._spec.context.on)  # type: ignore[union-attr]
            codes, values = self._own(column)
            self._keys[table] = self._entities(table).keys_of(values.cast(pa.string()))[codes]
        return self._keys[table]

    def _entities(self, table: str) -> EntityTable:
        entities = getattr(self._tables, table)
        if entities is None:
            raise ValueError(f"a feature of this table needs the table's rows. Received: {table}=None")
        return entities
