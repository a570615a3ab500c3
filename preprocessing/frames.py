"""Records before they are encoded: which events each one is made of, and the features of those events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from preprocessing import features as names
from preprocessing.encoding import Lists, encode_records
from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.features import RecordFeature, record_features
from preprocessing.histories import Ranges
from preprocessing.sources.columns import ITEM, TIME, USER, source_of
from preprocessing.spec import DatasetSpec

CHUNK_RECORDS = 1024


@dataclasses.dataclass(frozen=True)
class Frame:
    """R records as event numbers.

    Attributes:
        request_ids: Strings [R].
        anchors: int64 [R], the event that gives user and context features.
        times: int64 [R], seconds: the time of the request.
        history: R lists of events, oldest first.
        candidates: R lists of events.
    """

    request_ids: pa.Array
    anchors: np.ndarray
    times: np.ndarray
    history: Ranges
    candidates: Ranges

    def __len__(self) -> int:
        return len(self.anchors)

    def take(self, rows: np.ndarray) -> Frame:
        """Some of the records."""
        return Frame(
            self.request_ids.take(pa.array(rows)),
            self.anchors[rows],
            self.times[rows],
            self.history.take(rows),
            self.candidates.take(rows),
        )


class EventFeatures:
    """The record features of single events: from their own columns, or joined from item and user tables."""

    def __init__(
        self, spec: DatasetSpec, events: SortedEvents, items: EntityTable | None, users: EntityTable | None
    ) -> None:
        self._features = record_features(spec)
        self._spec = spec
        self._events = events
        self._tables = {"items": (items, ITEM), "users": (users, USER)}
        self._columns: dict[tuple[str, str], tuple[np.ndarray, pa.Array]] = {}
        self._labels = {
            names.label_name(task): pa.array(events.hold([condition]).astype(np.float32))
            for task, condition in spec.tasks.items()
        }

    def labels(self, task: str) -> np.ndarray:
        """float32 [E]."""
        return self._labels[names.label_name(task)].to_numpy()

    def encode(self, frame: Frame) -> Iterator[list[bytes]]:
        """The frame's records as serialised tf.Examples, some at a time."""
        for start in range(0, len(frame), CHUNK_RECORDS):
            yield self._encode(frame.take(np.arange(start, min(start + CHUNK_RECORDS, len(frame)))))

    def _encode(self, frame: Frame) -> list[bytes]:
        scalars = {names.REQUEST_ID: frame.request_ids, names.TIMESTAMP: pa.array(frame.times)}
        lists: dict[str, Lists] = {}
        flat = {"history": frame.history.flat(), "candidate": frame.candidates.flat()}
        flat["label"] = flat["candidate"]
        for feature in self._features:
            if feature.side in flat:
                offsets, events = flat[feature.side]
                lists[feature.name] = Lists(offsets, self._values(feature, events))
            elif feature.name not in scalars and not feature.is_list:
                scalars[feature.name] = self._values(feature, frame.anchors)
        return encode_records(self._features, len(frame), scalars, lists)

    def _values(self, feature: RecordFeature, events: np.ndarray) -> pa.Array:
        if feature.side == "label":
            return self._labels[feature.name].take(pa.array(events))
        codes, values = self._column(*self._source(feature))
        return values.take(pa.array(codes[events]))

    def _source(self, feature: RecordFeature) -> tuple[str, str]:
        if feature.spec is not None:
            return source_of(self._spec, feature)
        keys = {names.USER_ID: USER, names.HISTORY_TIMESTAMP: TIME}
        return "events", keys.get(feature.name, ITEM)

    def _column(self, table: str, column: str) -> tuple[np.ndarray, pa.Array]:
        """A column as codes a event and values a code."""
        if (table, column) not in self._columns:
            self._columns[table, column] = self._joined(table, column) if table != "events" else self._own(column)
        return self._columns[table, column]

    def _own(self, column: str) -> tuple[np.ndarray, pa.Array]:
        if column in self._events.strings:
            strings = self._events.strings[column]
            return strings.codes, strings.values.cast(pa.binary())
        numbers = self._events.numbers[column]
        return np.arange(len(numbers)), pa.array(numbers)

    def _joined(self, table: str, column: str) -> tuple[np.ndarray, pa.Array]:
        entities, key = self._tables[table]
        if entities is None:
            raise ValueError(f"a feature of this table needs the table's rows. Received: {table}=None")
        ids = self._events.strings[key]
        return entities.rows_of(ids.values)[ids.codes], entities.columns[column]
