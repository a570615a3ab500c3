"""The Beam job that makes the statistics table of a log as it is now, and no records."""

from __future__ import annotations

import apache_beam as beam

from preprocessing.combiners import ConcatenateTables, MergeTimeProfiles
from preprocessing.counting.job import CountStatistics, Sides
from preprocessing.counting.lines import StatisticLines
from preprocessing.counting.table_time import table_cut_offs
from preprocessing.earlier import with_earlier
from preprocessing.events import events_before
from preprocessing.known_values import KnownValues
from preprocessing.shard_count import shard_count
from preprocessing.sources.columns import TIME, USER, TableName
from preprocessing.sources.read import BATCHES, COUNTS, REJECTED, ReadTable
from preprocessing.spec import DatasetSpec
from preprocessing.splits import TimeProfile
from preprocessing.tables import partition, to_bytes
from preprocessing.write_quarantine import WriteQuarantine


class BuildStatistics(beam.PTransform):
    """From a pipeline's root to the lines of the table, many in one piece of text, in any order.

    Args:
        spec: Declares the statistics.
        quarantine_dir: Where rejected rows and the data report go.
        as_of: Seconds since 1970: the table is what a request at this time sees, and events at or
            after it are left out. None is the second after the log's last event.
    """

    def __init__(self, spec: DatasetSpec, quarantine_dir: str, as_of: int | None = None) -> None:
        super().__init__()
        self._spec = spec
        self._quarantine_dir = quarantine_dir
        self._as_of = as_of
        self._shards = shard_count(spec)

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        names: list[TableName] = ["events"] if self._spec.items is None else ["events", "items"]
        tables = {name: root | ReadTable(self._spec, name) for name in names}
        events = tables["events"][BATCHES] | "Before" >> beam.Map(events_before, self._as_of)
        profile = tables["events"][BATCHES] | "Times" >> _Profile()
        before = events | "TimesBefore" >> _Profile()
        cutoffs = before | "End" >> beam.Map(table_cut_offs, self._spec, self._as_of)
        known = events | "Earlier" >> beam.Map(with_earlier, self._spec)
        parts = known | "Shard" >> beam.FlatMap(partition, "events", USER, self._shards)
        changes = parts | "KnownValues" >> KnownValues(self._spec, self._shards)
        sides: Sides = {
            "items": beam.pvalue.AsSingleton(self._items(root, tables)),
            "active": None,
            "known": beam.pvalue.AsList(changes),
            "cutoffs": beam.pvalue.AsSingleton(cutoffs),
        }
        rejected = [table[REJECTED] for table in tables.values()]
        write = WriteQuarantine(self._spec, self._quarantine_dir, rejected, cutoffs, profile)
        _ = tuple(table[COUNTS] for table in tables.values()) | "Quarantine" >> write
        shards = parts | "GroupByShard" >> beam.GroupByKey()
        counted = shards | "Statistics" >> CountStatistics(
            self._spec, self._shards, sides, ask=False
        )
        to_lines = StatisticLines(self._spec, counted, sides["items"], cutoffs)
        return shards | "Lines" >> to_lines

    def _items(
        self, root: beam.Pipeline, tables: dict[TableName, dict[str, beam.PCollection]]
    ) -> beam.PCollection:
        if "items" not in tables:
            return root | "NoItems" >> beam.Create([None])
        rows = tables["items"][BATCHES] | "Bytes" >> beam.Map(to_bytes)
        return rows | "Gather" >> beam.CombineGlobally(ConcatenateTables())


class _Profile(beam.PTransform):
    """From tables of events to their time profile."""

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        profiles = batches | beam.Map(lambda batch: TimeProfile.of(batch.column(TIME).to_numpy()))
        return profiles | beam.CombineGlobally(MergeTimeProfiles())
