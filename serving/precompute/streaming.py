"""Events as they arrive to the records of the users they are about, from keyed state and timers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, cast

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import BooleanCoder, BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

from preprocessing.latest import compact, distinct
from preprocessing.sources.columns import KEY, TIME, USER, TableName
from preprocessing.sources.message import parse_event
from preprocessing.spec import DatasetSpec
from preprocessing.tables import from_bytes, to_bytes
from preprocessing.user_records import Part, RecordsOfParts, ShardUsers
from serving.precompute.transform import METRICS

ARRIVED, REJECTED, LATE, DUPLICATE = "events", "events_rejected", "events_late", "events_duplicate"
_DAY = 86_400


class RefreshedRecords(beam.PTransform):
    """From events, JSON objects with the log's columns, to (user id, serialised tf.Example) whenever one has changed.

    A user's latest events live in keyed state, which starts from the log. Events may come in any order and more than
    once: a history is the set of the latest ones. A user is refreshed when the watermark has passed an event by
    `delay`, so that a burst of events costs one refresh.

    Args:
        spec: The dataset spec.
        delay: Seconds of event time.
        allowed_lateness: Seconds; an event that is this much older than its user's latest one is dropped and counted.
        shards: As for `ShardUsers`.
    """

    def __init__(self, spec: DatasetSpec, delay: float = 0.0, allowed_lateness: int = _DAY, shards: int = 64) -> None:
        super().__init__()
        self._spec, self._delay, self._allowed_lateness, self._shards = spec, delay, allowed_lateness, shards

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        log = events.pipeline | ShardUsers(self._spec, self._shards) | beam.FlatMap(_by_user, self._spec)
        arriving = events | "Parse" >> beam.ParDo(_Parse(self._spec))
        return (
            (log, arriving)
            | beam.Flatten()
            | beam.Map(lambda element: element).with_output_types(tuple[str, Part])  # state needs a stable key
            | "Keep" >> beam.ParDo(_KeepLatest(self._spec, self._delay, self._allowed_lateness))
            | RecordsOfParts(self._spec)
        )


def _by_user(shard: tuple[int, Iterable[Part]], spec: DatasetSpec) -> Iterator[tuple[str, Part]]:
    keys: dict[TableName, str] = {"users": KEY, "events": USER}
    for name, key in keys.items():
        table = from_bytes(rows for table, rows in shard[1] if table == name)
        if table is None or not table.num_rows:
            continue
        table = compact(spec, distinct(table)) if name == "events" else table.sort_by(key)
        ids = table.column(key).to_numpy()
        bounds = [*np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]), len(ids)]
        for start, stop in zip(bounds, bounds[1:], strict=False):
            yield ids[start], (name, to_bytes(table.slice(start, stop - start).combine_chunks()))


class _Parse(beam.DoFn):
    """Messages to (user id, ("events", the event's row)); bad ones are logged and counted."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(self, message: bytes) -> Iterator[tuple[str, Part]]:
        Metrics.counter(METRICS, ARRIVED).inc()
        event = parse_event(self._spec, message)
        if isinstance(event, pa.Table):
            yield event.column(USER)[0].as_py(), ("events", to_bytes(event))
        else:
            Metrics.counter(METRICS, REJECTED).inc()
            logging.warning("Event rejected, %s: %s", event.reason, event.message)


class _KeepLatest(beam.DoFn):
    """Keeps each user's latest events and its row of the user table; gives both out when they have changed."""

    EVENTS = ReadModifyWriteStateSpec("events", BytesCoder())
    ROW = ReadModifyWriteStateSpec("row", BytesCoder())
    WAITING = ReadModifyWriteStateSpec("waiting", BooleanCoder())
    REFRESH = TimerSpec("refresh", TimeDomain.WATERMARK)

    def __init__(self, spec: DatasetSpec, delay: float, allowed_lateness: int) -> None:
        super().__init__()
        self._spec, self._delay, self._allowed_lateness = spec, delay, allowed_lateness

    def process(
        self,
        element: tuple[str, Part],
        timestamp: Any = beam.DoFn.TimestampParam,
        events: Any = beam.DoFn.StateParam(EVENTS),
        row: Any = beam.DoFn.StateParam(ROW),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        refresh: Any = beam.DoFn.TimerParam(REFRESH),
    ) -> None:
        name, rows = element[1]
        if name == "users":
            row.write(rows)
        elif not self._add(rows, events):
            return
        if not waiting.read():
            waiting.write(True)
            refresh.set(timestamp + self._delay)

    def _add(self, rows: bytes, events: Any) -> bool:
        """Adds events to those kept; false if that changes nothing."""
        kept = events.read()
        if kept is None:
            events.write(rows)
            return True
        before, new = cast(pa.Table, from_bytes([kept])), cast(pa.Table, from_bytes([rows]))
        earliest = pc.max(before.column(TIME)).as_py() - self._allowed_lateness
        if pc.max(new.column(TIME)).as_py() < earliest:
            Metrics.counter(METRICS, LATE).inc(new.num_rows)
            return False
        merged = distinct(pa.concat_tables([before, new]))
        if merged.num_rows == before.num_rows:
            Metrics.counter(METRICS, DUPLICATE).inc(new.num_rows)
            return False
        events.write(to_bytes(compact(self._spec, merged)))
        return True

    @on_timer(REFRESH)
    def refresh(
        self,
        user_id: Any = beam.DoFn.KeyParam,
        events: Any = beam.DoFn.StateParam(EVENTS),
        row: Any = beam.DoFn.StateParam(ROW),
        waiting: Any = beam.DoFn.StateParam(WAITING),
    ) -> Iterator[tuple[str, list[Part]]]:
        waiting.clear()
        parts = [("events", events.read()), ("users", row.read())]
        yield user_id, [(cast(TableName, name), rows) for name, rows in parts if rows is not None]
