"""Events as they arrive to the records of the users they are about, from keyed state and timers."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from typing import Any, cast

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import BytesCoder, VarIntCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer

from preprocessing.earlier import with_earlier
from preprocessing.latest import compact, union
from preprocessing.sources.columns import KEY, USER, TableName
from preprocessing.sources.message import parse_event
from preprocessing.spec import DatasetSpec
from preprocessing.tables import from_bytes, to_bytes
from preprocessing.user_records import Part, RecordsOfParts, ShardUsers
from serving.errors import ServingError
from serving.precompute.transform import METRICS

_Parts = tuple[bool, list[Part]]  # whether they are of the log, and some of a user's rows
ARRIVED = "events"
REJECTED = "events_rejected"
UNCHANGED = "events_without_effect"


class RefreshedRecords(beam.PTransform):
    """From events to the records of the users whose histories they change.

    Events are JSON objects with the log's columns; a record is (user id, serialised tf.Example).

    A user's latest events live in keyed state, which starts from the log. Events may come in any
    order, as late as they like and more than once: a history is the latest ones by their own time,
    and an event that doesn't change it has no effect. Rows of the log that are alike are events of
    their own, as everywhere; an event that comes and is like one that is kept is taken for that
    one, delivered again. A user is refreshed when its part of the log has come, whatever the
    watermark, and when that has passed an event by `delay`, so that a burst of events costs one
    refresh.

    Args:
        spec: The dataset spec.
        delay: Seconds of event time.
        shards: As for `ShardUsers`.

    Raises:
        ServingError: The spec has rates of users: they move with the events of all users, which no
            user's state has.
    """

    def __init__(self, spec: DatasetSpec, delay: float = 0.0, shards: int = 64) -> None:
        super().__init__()
        if spec.rates_of_users:
            name = spec.rates_of_users[0]
            raise ServingError(
                f"features.statistics.{name} has rates of users, which are drawn to the rate of "
                "all users. That one changes with every event, and events as they arrive refresh "
                "one user each. Run the job on the log from time to time, without a subscription, "
                f"or train with {name}.counts=[events, positives]."
            )
        self._spec = spec
        self._delay = delay
        self._shards = shards

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        log = (
            events.pipeline
            | ShardUsers(self._spec, self._shards)
            | beam.FlatMap(_by_user, self._spec)
        )
        arriving = events | "Parse" >> beam.ParDo(_Parse(self._spec))
        return (
            (log, arriving)
            | beam.Flatten()
            # State needs a key whose type says how it is encoded.
            | beam.Map(lambda element: element).with_output_types(tuple[str, _Parts])
            | "Keep" >> beam.ParDo(_KeepLatest(self._spec, self._delay))
            | RecordsOfParts(self._spec, shards=self._shards)
        )


def _by_user(shard: tuple[int, Iterable[Part]], spec: DatasetSpec) -> Iterator[tuple[str, _Parts]]:
    keys: dict[TableName, str] = {"users": KEY, "events": USER}
    streams: dict[TableName, list[bytes]] = {"users": [], "events": []}
    for name, stream in shard[1]:
        if name in streams:
            streams[name].append(stream)
    found: dict[str, list[Part]] = {}
    for name, key in keys.items():
        table = from_bytes(streams[name])
        if table is None or not table.num_rows:
            continue
        table = compact(spec, table) if name == "events" else table.sort_by(key)
        # Rows of one user lie together now: they begin where the id differs from the one before.
        ids = table.column(key).to_numpy()
        bounds = [*np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]), len(ids)]
        for start, stop in itertools.pairwise(bounds):
            rows = table.slice(start, stop - start).combine_chunks()
            found.setdefault(ids[start], []).append((name, to_bytes(rows)))
    for user_id, parts in found.items():
        yield user_id, (True, parts)


class _Parse(beam.DoFn):
    """Messages to (user id, the event's row); bad ones are logged and counted."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(self, message: bytes) -> Iterator[tuple[str, _Parts]]:
        Metrics.counter(METRICS, ARRIVED).inc()
        events, rejected = parse_event(self._spec, message)
        if events is not None:
            events = with_earlier(events, self._spec)
            for user_id in dict.fromkeys(events.column(USER).to_pylist()):
                rows = to_bytes(events.filter(pc.equal(events.column(USER), user_id)))
                yield user_id, (False, [("events", rows)])
        for row in rejected:
            Metrics.counter(METRICS, REJECTED).inc()
            logging.warning("Event rejected, %s: %s", row.reason, row.message)


class _KeepLatest(beam.DoFn):
    """Keeps each user's latest events and row of the user table.

    Gives both out when they have changed.
    """

    EVENTS = ReadModifyWriteStateSpec("events", BytesCoder())
    ROW = ReadModifyWriteStateSpec("row", BytesCoder())
    DUE = ReadModifyWriteStateSpec("due", VarIntCoder())  # the timer's time, microseconds
    REFRESH = TimerSpec("refresh", TimeDomain.WATERMARK)

    def __init__(self, spec: DatasetSpec, delay: float) -> None:
        super().__init__()
        self._spec = spec
        self._delay = delay

    def process(
        self,
        element: tuple[str, _Parts],
        timestamp: Any = beam.DoFn.TimestampParam,
        events: Any = beam.DoFn.StateParam(EVENTS),
        row: Any = beam.DoFn.StateParam(ROW),
        due: Any = beam.DoFn.StateParam(DUE),
        refresh: Any = beam.DoFn.TimerParam(REFRESH),
    ) -> Iterator[tuple[str, list[Part]]]:
        user_id, (is_log, parts) = element
        changed = False
        for name, rows in parts:
            if name == "users":
                row.write(rows)
            else:
                changed = self._add(rows, events)
        if is_log:
            # The log's groups have the end of time: a timer would fire when the stream ends.
            yield user_id, _kept(events, row)
        elif changed:
            self._set_timer(timestamp, due, refresh)

    def _set_timer(self, timestamp: Any, due: Any, refresh: Any) -> None:
        at = timestamp + self._delay
        # The earliest event sets the time; those after it share its refresh.
        before = due.read()
        if before is None or at.micros < before:
            due.write(at.micros)
            refresh.set(at)

    def _add(self, rows: bytes, events: Any) -> bool:
        """Adds events to those kept; false if that changes nothing."""
        kept = events.read()
        tables: list[pa.Table] = []
        for part in (kept, rows):
            if part is not None:
                tables.append(cast(pa.Table, from_bytes([part])))
        # Old or known events leave the bytes as they were.
        latest = to_bytes(compact(self._spec, union(tables)))
        if latest == kept:
            Metrics.counter(METRICS, UNCHANGED).inc()
            return False
        events.write(latest)
        return True

    @on_timer(REFRESH)
    def refresh(
        self,
        user_id: Any = beam.DoFn.KeyParam,
        events: Any = beam.DoFn.StateParam(EVENTS),
        row: Any = beam.DoFn.StateParam(ROW),
        due: Any = beam.DoFn.StateParam(DUE),
    ) -> Iterator[tuple[str, list[Part]]]:
        due.clear()
        yield user_id, _kept(events, row)


def _kept(events: Any, row: Any) -> list[Part]:
    """What a user's state holds."""
    parts: list[Part] = []
    of_events = events.read()
    if of_events is not None:
        parts.append(("events", of_events))
    of_user = row.read()
    if of_user is not None:
        parts.append(("users", of_user))
    return parts
