"""The Beam transforms that make a record of each user of a log, as of now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam

from preprocessing.counting.job import CountOverall
from preprocessing.earlier import with_earlier
from preprocessing.entities import EntityTable
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents, events_before
from preprocessing.known_values import KnownValues, event_columns, known_tables
from preprocessing.latest import user_records
from preprocessing.read_checked import ReadChecked
from preprocessing.shared_sides import SharedSides
from preprocessing.sources.columns import ITEM, KEY, USER, TableName
from preprocessing.sources.read import BATCHES, ReadTable
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.log_totals import decode_totals
from preprocessing.tables import from_bytes, partition, to_bytes

_SHARED: tuple[TableName, ...] = ("items", "context")
Part = tuple[TableName, bytes]  # a table's name and some of its rows


class ShardUsers(beam.PTransform):
    """From a pipeline's root to (shard, parts): all events of some users, and their table's rows.

    Args:
        spec: The dataset spec.
        shards: Users are spread over so many by a hash of their id; a worker holds one at a time.
        before: Seconds since 1970; events at or after it are left out. None takes all.

    Raises:
        DataError: while it runs: as for ReadChecked.
    """

    def __init__(self, spec: DatasetSpec, shards: int, before: int | None = None) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards
        self._before = before

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        events = root | ReadChecked(self._spec, "events")
        parts = [events | _ShardEvents(self._spec, self._shards, self._before)]
        if self._spec.users is not None:
            rows = root | ReadChecked(self._spec, "users")
            to_shards = beam.FlatMap(partition, "users", KEY, self._shards)
            parts.append(rows | "ShardUsers" >> to_shards)
        return parts | beam.Flatten() | beam.GroupByKey()


class _ShardEvents(beam.PTransform):
    """From batches of events to (shard of users, some of them)."""

    def __init__(self, spec: DatasetSpec, shards: int, before: int | None) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards
        self._before = before

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        past = batches | "Before" >> beam.Map(events_before, self._before)
        known = past | "Earlier" >> beam.Map(with_earlier, self._spec)
        return known | "ShardEvents" >> beam.FlatMap(partition, "events", USER, self._shards)


class UserRecords(beam.PTransform):
    """From a pipeline's root to (user id, serialised tf.Example), one for each user.

    Records have the user's latest history and no candidates.

    Args:
        spec: The dataset spec.
        as_of: The time of the requests, seconds since 1970; later events are left out. None takes,
            for each user, the second after its last event.
        shards: As for `ShardUsers`.
    """

    def __init__(self, spec: DatasetSpec, as_of: int | None = None, shards: int = 64) -> None:
        super().__init__()
        self._spec = spec
        self._as_of = as_of
        self._shards = shards

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        return (
            root
            | ShardUsers(self._spec, self._shards, self._as_of)
            | RecordsOfParts(self._spec, self._as_of, self._shards)
        )


class RecordsOfParts(beam.PTransform):
    """From (key, parts), all that is known of some users, to (user id, serialised tf.Example).

    Args:
        spec: The dataset spec.
        as_of: As for `UserRecords`.
        shards: As for `ShardUsers`.
    """

    def __init__(self, spec: DatasetSpec, as_of: int | None = None, shards: int = 64) -> None:
        super().__init__()
        self._spec = spec
        self._as_of = as_of
        self._shards = shards

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        root = parts.pipeline
        sides: dict[str, beam.pvalue.AsSideInput] = {}
        for name in _SHARED:
            sides[name] = beam.pvalue.AsList(self._rows(root, name))
        sides["known"] = beam.pvalue.AsList(self._known(root))
        sides["overall"] = beam.pvalue.AsDict(self._overall(root))
        return parts | "Records" >> beam.ParDo(_Records(self._spec, self._as_of), **sides)

    def _known(self, root: beam.Pipeline) -> beam.PCollection:
        """What the log knows of items whose features are read from the events."""
        if not event_columns(self._spec):
            return root | "NoKnownValues" >> beam.Create([])
        batches = (root | ReadTable(self._spec, "events"))[BATCHES]
        parts = batches | "Parts" >> beam.FlatMap(partition, "events", ITEM, self._shards)
        return parts | "KnownValues" >> KnownValues(self._spec, self._shards)

    def _overall(self, root: beam.Pipeline) -> beam.PCollection:
        """What happened to all users together, which only rates of users need."""
        if not self._spec.rates_of_users:
            return root | "NoRates" >> beam.Create([])
        # The rows were checked where the users were read.
        batches = (root | "ReadCounted" >> ReadTable(self._spec, "events"))[BATCHES]
        return (
            batches
            | "Counted" >> _ShardEvents(self._spec, self._shards, self._as_of)
            | "GroupByShard" >> beam.GroupByKey()
            | CountOverall(self._spec)
        )

    def _rows(self, root: beam.Pipeline, table: TableName) -> beam.PCollection:
        if getattr(self._spec, table) is None:
            return root | f"No[{table}]" >> beam.Create([])
        batches = root | ReadChecked(self._spec, table)
        return batches | f"Bytes[{table}]" >> beam.Map(to_bytes)


class _Records(beam.DoFn):
    """From (key, parts) to records; decodes what all users share once per worker."""

    def __init__(self, spec: DatasetSpec, as_of: int | None) -> None:
        super().__init__()
        self._spec = spec
        self._as_of = as_of
        self._shared = SharedSides()

    def process(
        self,
        element: tuple[Any, Iterable[Part]],
        items: list[bytes],
        context: list[bytes],
        known: list[tuple[str, bytes]],
        overall: dict[str, bytes],
    ) -> Iterator[tuple[str, bytes]]:
        parts = list(element[1])
        table = from_bytes(rows for name, rows in parts if name == "events")
        if table is None or not table.num_rows:
            return
        users = self._entities("users", (rows for name, rows in parts if name == "users"))
        tables = Tables(
            items=self._shared.once("items", items, partial(self._entities, "items")),
            users=users,
            context=self._shared.once("context", context, partial(self._entities, "context")),
            known=self._shared.once("known", known, known_tables),
        )
        totals = self._shared.once("overall", overall, partial(decode_totals, self._spec))
        events = SortedEvents.from_table(table)
        yield from user_records(self._spec, events, tables, self._as_of, totals)

    def _entities(self, name: TableName, rows: Iterable[bytes]) -> EntityTable | None:
        return EntityTable.of_spec(self._spec, name, from_bytes(rows))
