"""The Beam job: a dataset spec to serialised tf.Examples by split, a quarantine of bad rows and a data report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apache_beam as beam

from preprocessing.combiners import (
    ConcatenateTables,
    MergeActiveItems,
    MergeSeenItems,
    MergeTimeProfiles,
)
from preprocessing.counting.job import CountStatistics
from preprocessing.counting.lines import StatisticLines
from preprocessing.earlier import with_earlier
from preprocessing.known_values import KnownValues
from preprocessing.paths import absolute
from preprocessing.shard_count import shard_count
from preprocessing.shard_fns import (
    ACTIVE,
    SHARD_SPLITS,
    CatalogRecords,
    ItemsOfShard,
    RecordsOfShard,
)
from preprocessing.sources.columns import KEY, TABLES, TIME, USER, TableName
from preprocessing.sources.read import BATCHES, COUNTS, REJECTED, ReadTable
from preprocessing.spec import DatasetSpec
from preprocessing.splits import TimeProfile, cut_offs
from preprocessing.tables import partition, to_bytes
from preprocessing.write_quarantine import WriteQuarantine

_BROADCAST: tuple[TableName, ...] = (
    "items",
    "context",
)  # to every shard, where users' rows go to their shard
Collections = dict[str, beam.PCollection]


class BuildRecords(beam.PTransform):
    """From a pipeline's root to {split: PCollection of serialised tf.Examples}, for every split of features.SPLITS.

    Users are spread over shards by a hash of their id; a worker holds one shard at a time.

    Args:
        spec: The dataset spec.
        quarantine_dir: Where rejected rows and the data report go; None leaves both out.
        shards: How many there are; by default as many as the log's size asks for, see
            `shard_count`.

    Example:
        with beam.Pipeline() as pipeline:
            records = pipeline | BuildRecords(spec, quarantine_dir="/tmp/quarantine")
            records["train"] | beam.io.WriteToTFRecord("/tmp/train")
        check_quarantine(spec, "/tmp/quarantine")

    Raises:
        DataError: while it runs: a column is missing, or no event comes before the cut-off.
            `check_sources` finds the same before.
    """

    _directories: Mapping[str, str] | None = None
    _only_count = False

    def __init__(
        self, spec: DatasetSpec, quarantine_dir: str | None = None, shards: int | None = None
    ) -> None:
        super().__init__()
        if shards is not None and shards < 1:
            raise ValueError(f"at least one shard is needed. Received: shards={shards}")
        self._spec = spec.with_data_dir(absolute("."))  # workers may have other working directories
        self._quarantine_dir = quarantine_dir and absolute(quarantine_dir)
        self._shards = shards or shard_count(spec)

    def expand(self, root: beam.Pipeline) -> Collections:
        tables = {
            name: root | ReadTable(self._spec, name)
            for name in TABLES
            if getattr(self._spec, name) is not None
        }
        profile = (
            tables["events"][BATCHES]
            | "Times" >> beam.Map(lambda batch: TimeProfile.of(batch.column(TIME).to_numpy()))
            | "MergeTimes" >> beam.CombineGlobally(MergeTimeProfiles())
        )
        cutoffs = profile | "CutOffs" >> beam.Map(
            cut_offs, self._spec.split, self._spec.attribution_window
        )
        sides: dict[str, Any] = {
            name: beam.pvalue.AsSingleton(self._broadcast(root, tables, name))
            for name in _BROADCAST
        }
        sides["cutoffs"] = beam.pvalue.AsSingleton(cutoffs)
        parts = self._parts(tables)
        known = parts | "KnownValues" >> KnownValues(self._spec, self._shards)
        sides["known"] = beam.pvalue.AsList(known)
        shards = parts | "GroupByShard" >> beam.GroupByKey()
        seen, active = self._items(shards, sides["cutoffs"])
        sides["seen"], sides["active"] = (
            beam.pvalue.AsSingleton(seen),
            beam.pvalue.AsSingleton(active),
        )
        lines = self._statistics(shards, sides, cutoffs)
        records = self._shard_records(shards, sides)
        catalog = self._catalog(seen, sides, lines)
        counts = [records[COUNTS], catalog[COUNTS]] + [table[COUNTS] for table in tables.values()]
        if self._quarantine_dir:
            rejected = [table[REJECTED] for table in tables.values()]
            write = WriteQuarantine(self._spec, self._quarantine_dir, rejected, cutoffs, profile)
            _ = tuple(counts) | "Quarantine" >> write
        return {split: records[split] for split in SHARD_SPLITS} | {"catalog": catalog["catalog"]}

    def _statistics(
        self, shards: beam.PCollection, sides: dict[str, Any], cutoffs: beam.PCollection
    ) -> tuple[Any, ...]:
        """Adds what shards are told of statistics to `sides`; the table's lines, if the spec has statistics."""
        if not self._spec.features.statistics or self._only_count:
            return ()
        counted = shards | "Statistics" >> CountStatistics(self._spec, self._shards, sides)
        sides["overall"] = beam.pvalue.AsDict(counted.overall)
        sides["answers"] = beam.pvalue.AsMultiMap(counted.answers)
        lines = shards | "StatisticLines" >> StatisticLines(
            self._spec, counted, sides["items"], cutoffs
        )
        return (beam.pvalue.AsIter(lines),)

    def _catalog(
        self, seen: beam.PCollection, sides: dict[str, Any], lines: tuple[Any, ...]
    ) -> Any:
        to_catalog = CatalogRecords(self._spec, self._directories)
        outputs = beam.ParDo(to_catalog, sides["items"], sides["cutoffs"], *lines).with_outputs(
            COUNTS, main="catalog"
        )
        return seen | "Catalog" >> outputs

    def _broadcast(
        self, root: beam.Pipeline, tables: dict[TableName, Any], name: TableName
    ) -> beam.PCollection:
        if name not in tables:
            return root | f"No[{name}]" >> beam.Create([None])
        batches = tables[name][BATCHES] | f"Bytes[{name}]" >> beam.Map(to_bytes)
        return batches | f"Gather[{name}]" >> beam.CombineGlobally(ConcatenateTables())

    def _items(
        self, shards: beam.PCollection, cutoffs: Any
    ) -> tuple[beam.PCollection, beam.PCollection]:
        """The items seen in training, and when items were active, of all shards."""
        found = shards | "Items" >> beam.ParDo(ItemsOfShard(self._spec), cutoffs).with_outputs(
            ACTIVE, main="seen"
        )
        seen = found["seen"] | "MergeSeen" >> beam.CombineGlobally(MergeSeenItems())
        return seen, found[ACTIVE] | "MergeActive" >> beam.CombineGlobally(MergeActiveItems())

    def _parts(self, tables: dict[TableName, Any]) -> beam.PCollection:
        """(shard, (table, rows as bytes)) of the tables that are spread over the shards by user."""
        keys: dict[TableName, str] = {"events": USER, "users": KEY}
        parts = [
            self._rows(tables, name)
            | f"Shard[{name}]" >> beam.FlatMap(partition, name, key, self._shards)
            for name, key in keys.items()
            if name in tables
        ]
        return parts | "Flatten" >> beam.Flatten()

    def _rows(self, tables: dict[TableName, Any], name: TableName) -> beam.PCollection:
        batches = tables[name][BATCHES]
        if name != "events" or self._spec.history.earlier is None:
            return batches
        return batches | "Earlier" >> beam.Map(with_earlier, self._spec)

    def _shard_records(self, shards: beam.PCollection, sides: dict[str, Any]) -> Any:
        to_records = RecordsOfShard(self._spec, self._shards, self._directories, self._only_count)
        return shards | "Records" >> beam.ParDo(to_records, **sides).with_outputs(
            COUNTS, *SHARD_SPLITS
        )


class CountRecords(BuildRecords):
    """The same without records: a data report of what they would be."""

    _only_count = True


class WriteRecords(BuildRecords):
    """The same, written: gzipped TFRecords, a file for each split and shard; its collections of records are empty.

    Records don't go through the runner, which would cost more than making them. A shard's files
    hold the same bytes whatever runs it, and have their names only when they are whole: a shard
    that is done twice does no harm.

    Args:
        directories: Where each split's files go.
        spec, quarantine_dir, shards: As for `BuildRecords`.
    """

    def __init__(
        self,
        directories: Mapping[str, str],
        spec: DatasetSpec,
        quarantine_dir: str | None = None,
        shards: int | None = None,
    ) -> None:
        super().__init__(spec, quarantine_dir, shards)
        self._directories = {split: absolute(directory) for split, directory in directories.items()}
