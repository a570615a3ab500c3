"""The Beam transforms that count the statistics of a whole log.

A user's own statistics are counted where the user's events are. Statistics of items need the
events of all users: each shard of users sends what its users did to shards of keys, together with
the keys and steps of time that its requests ask about. There the counts of each key are summed up
once, and the answers go back. So no worker holds more than the keys of one shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np

from preprocessing.combiners import MergeKeyCounts
from preprocessing.counting.rows import KeyShard, Rows, ShardRows, overall
from preprocessing.event_features import EventFeatures, Tables
from preprocessing.events import SortedEvents
from preprocessing.frames import Frame
from preprocessing.known_values import known_tables
from preprocessing.request_frames import request_frame
from preprocessing.shared_sides import SharedSides, entities, item_pool
from preprocessing.spec import DatasetSpec
from preprocessing.splits import REQUEST_SPLITS, CutOffs, split_of
from preprocessing.tables import from_bytes

# Side inputs by the parameter that they fill; None where there is nothing.
Sides = dict[str, beam.pvalue.AsSideInput | None]
_EVENTS = "events"
_OVERALL = "overall"
_TABLES = "tables"


class Counted(NamedTuple):
    """What CountStatistics gives.

    Attributes:
        overall: (statistic, table) of what happened to all keys together.
        answers: (shard of users, (statistic, table)) of what the shard asked.
        tables: (statistic, table) of all keys as they stood in the log's last step, a user's own
            left out.
        events: How many events the log had before its end.
    """

    overall: beam.PCollection
    answers: beam.PCollection
    tables: beam.PCollection
    events: beam.PCollection


class CountStatistics(beam.PTransform):
    """From (shard of users, parts of tables) to `Counted`.

    Args:
        spec: Declares the statistics.
        shards: Keys are spread over so many.
        sides: The side inputs `items`, `active`, `known` and `cutoffs` of the job.
        ask: Whether requests are answered.
    """

    def __init__(self, spec: DatasetSpec, shards: int, sides: Sides, ask: bool = True) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards
        self._ask = ask
        self._sides = {name: sides[name] for name in ("items", "active", "known", "cutoffs")}

    def expand(self, parts: beam.PCollection) -> Counted:
        to_rows = beam.ParDo(_RowsOfShard(self._spec, self._shards, self._ask), **self._sides)
        found = parts | "Rows" >> to_rows.with_outputs(_OVERALL, _EVENTS, main="rows")
        by_key = found["rows"] | beam.GroupByKey() | beam.Values()
        sums = beam.FlatMap(_of_keys, self._spec, self._sides["cutoffs"])
        of_keys = by_key | "Sums" >> sums.with_outputs(_TABLES, main="answers")
        totals = found[_OVERALL] | "Overall" >> beam.CombinePerKey(MergeKeyCounts())
        events = found[_EVENTS] | "Events" >> beam.CombineGlobally(sum)
        return Counted(totals, of_keys["answers"], of_keys[_TABLES], events)


class CountOverall(beam.PTransform):
    """From (shard of users, parts of tables) to (statistic, table) of all keys together."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        return parts | beam.FlatMap(_overall, self._spec) | beam.CombinePerKey(MergeKeyCounts())


class _RowsOfShard(beam.DoFn):
    """From one shard of users to what they did, and what their requests ask.

    Yields (shard of keys, Rows), (statistic, table) of all keys together under `_OVERALL`, and how
    many events came before the log's end under `_EVENTS`.
    """

    def __init__(self, spec: DatasetSpec, shards: int, ask: bool) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards
        self._ask = ask
        self._shared = SharedSides()

    def process(
        self,
        element: tuple[int, Iterable[tuple[str, bytes]]],
        items: bytes | None,
        active: bytes | None,
        known: list[tuple[str, bytes]],
        cutoffs: CutOffs,
    ) -> Iterator[Any]:
        """From (shard, parts of tables)."""
        table = from_bytes(part for name, part in element[1] if name == "events")
        if table is None:
            return
        tables = Tables(
            items=self._shared.once("items", items, partial(entities, self._spec, "items")),
            pool=self._shared.once("pool", (active, cutoffs), partial(item_pool, self._spec)),
            known=self._shared.once("known", known, known_tables),
        )
        events = SortedEvents.from_table(table)
        values = EventFeatures(self._spec, events, tables)
        frame = _requests(self._spec, events, cutoffs, tables) if self._ask else None
        rows = ShardRows(self._spec, element[0], events, values, frame)
        yield from rows.by_key(self._shards)
        for totals in overall(self._spec, events):
            yield beam.pvalue.TaggedOutput(_OVERALL, totals)
        are_counted = (events.time < cutoffs.end) & ~events.is_listed
        yield beam.pvalue.TaggedOutput(_EVENTS, int(np.count_nonzero(are_counted)))


def _requests(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs, tables: Tables) -> Frame:
    """The requests that become records."""
    frame = request_frame(spec, events, cutoffs, tables.pool).frame
    splits = split_of(frame.times, cutoffs)
    return frame.take(np.flatnonzero((splits >= 0) & (splits < len(REQUEST_SPLITS))))


def _of_keys(rows: Iterable[Rows], spec: DatasetSpec, cutoffs: CutOffs) -> Iterator[Any]:
    shard = KeyShard(spec, rows)
    yield from shard.answers()
    for table in shard.at(cutoffs.end):
        yield beam.pvalue.TaggedOutput(_TABLES, table)


def _overall(
    shard: tuple[int, Iterable[tuple[str, bytes]]], spec: DatasetSpec
) -> Iterator[tuple[str, bytes]]:
    table = from_bytes(part for name, part in shard[1] if name == "events")
    if table is not None:
        yield from overall(spec, SortedEvents.from_table(table))
