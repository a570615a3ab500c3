"""The Beam job: a dataset spec to serialised tf.Examples by split, a quarantine of bad rows and a data report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from preprocessing.catalog import Catalog, seen_items
from preprocessing.combiners import ConcatenateTables, MergeSeenItems, MergeTimeProfiles, SumCounts
from preprocessing.entities import EntityTable
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents
from preprocessing.features import SPLITS
from preprocessing.negatives import ItemPool
from preprocessing.quarantine import REJECTED_FILE, REPORT_FILE
from preprocessing.report import Counts, data_report
from preprocessing.shard import ShardRecords
from preprocessing.sources.columns import KEY, TABLES, TIME, USER, TableName
from preprocessing.sources.read import BATCHES, COUNTS, REJECTED, ReadTable
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs, TimeProfile, cut_offs
from preprocessing.tables import from_bytes, partition, to_bytes

DEFAULT_SHARDS = 64
_SEEN = "seen"
_BROADCAST: tuple[TableName, ...] = ("items", "context")  # to every shard, where users' rows go to their shard
Collections = dict[str, beam.PCollection]


class BuildRecords(beam.PTransform):
    """From a pipeline's root to {split: PCollection of serialised tf.Examples}, for every split of features.SPLITS.

    Users are spread over `shards` by a hash of their id; a worker holds one shard at a time.

    Example:
        with beam.Pipeline() as pipeline:
            records = pipeline | BuildRecords(spec, quarantine_dir="/tmp/quarantine")
            records["train"] | beam.io.WriteToTFRecord("/tmp/train")
        check_quarantine(spec, "/tmp/quarantine")

    Raises:
        DataError: while it runs: a column is missing, or no event comes before the cut-off. `check_sources` finds
            the same before.
    """

    def __init__(self, spec: DatasetSpec, quarantine_dir: str | None = None, shards: int = DEFAULT_SHARDS) -> None:
        super().__init__()
        if shards < 1:
            raise ValueError(f"at least one shard is needed. Received: shards={shards}")
        self._spec = spec
        self._quarantine_dir = quarantine_dir
        self._shards = shards

    def expand(self, root: beam.Pipeline) -> Collections:
        tables = {name: root | ReadTable(self._spec, name) for name in TABLES if getattr(self._spec, name) is not None}
        profile = (
            tables["events"][BATCHES]
            | "Times" >> beam.Map(lambda batch: TimeProfile.of(batch.column(TIME).to_numpy()))
            | "MergeTimes" >> beam.CombineGlobally(MergeTimeProfiles())
        )
        cutoffs = profile | "CutOffs" >> beam.Map(cut_offs, self._spec.split, self._spec.attribution_window)
        sides: dict[str, Any] = {
            name: beam.pvalue.AsSingleton(self._broadcast(root, tables, name)) for name in _BROADCAST
        }
        sides["cutoffs"] = beam.pvalue.AsSingleton(cutoffs)
        parts = self._parts(tables)
        sides["pool"] = beam.pvalue.AsSingleton(self._pool(root, parts, sides["cutoffs"]))
        records = self._shard_records(parts, sides)
        seen = records[_SEEN] | "MergeSeen" >> beam.CombineGlobally(MergeSeenItems())
        catalog = seen | "Catalog" >> beam.ParDo(
            _CatalogRecords(self._spec), sides["items"], sides["cutoffs"]
        ).with_outputs(COUNTS, main="catalog")
        counts = [records[COUNTS], catalog[COUNTS]] + [table[COUNTS] for table in tables.values()]
        if self._quarantine_dir:
            self._write_rejected([table[REJECTED] for table in tables.values()], self._quarantine_dir)
            self._write_report(counts, cutoffs, profile, self._quarantine_dir)
        return {split: catalog["catalog"] if split == "catalog" else records[split] for split in SPLITS}

    def _broadcast(self, root: beam.Pipeline, tables: dict[TableName, Any], name: TableName) -> beam.PCollection:
        if name not in tables:
            return root | f"No[{name}]" >> beam.Create([None])
        batches = tables[name][BATCHES] | f"Bytes[{name}]" >> beam.Map(to_bytes)
        return batches | f"Gather[{name}]" >> beam.CombineGlobally(ConcatenateTables())

    def _pool(self, root: beam.Pipeline, parts: beam.PCollection, cutoffs: Any) -> beam.PCollection:
        """The items that negatives are drawn from, with their counts before the training cut-off."""
        if self._spec.negatives is None:
            return root | "NoPool" >> beam.Create([None])
        seen = parts | "PoolItems" >> beam.ParDo(_PoolItems(self._spec), cutoffs)
        return seen | "MergePool" >> beam.CombineGlobally(MergeSeenItems())

    def _parts(self, tables: dict[TableName, Any]) -> beam.PCollection:
        """(shard, (table, rows as bytes)) of the tables that are spread over the shards by user."""
        parts = [
            tables[name][BATCHES] | f"Shard[{name}]" >> beam.FlatMap(_partition, name, key, self._shards)
            for name, key in (("events", USER), ("users", KEY))
            if name in tables
        ]
        return parts | "Flatten" >> beam.Flatten()

    def _shard_records(self, parts: beam.PCollection, sides: dict[str, Any]) -> Any:
        outputs = [split for split in SPLITS if split != "catalog"]
        return (
            parts
            | "GroupByShard" >> beam.GroupByKey()
            | "Records" >> beam.ParDo(_ShardFn(self._spec), **sides).with_outputs(_SEEN, COUNTS, *outputs)
        )

    def _write_rejected(self, rejected: list[beam.PCollection], directory: str) -> None:
        path = FileSystems.join(directory, REJECTED_FILE)
        lines = rejected | "FlattenRejected" >> beam.Flatten() | "ToJson" >> beam.Map(lambda row: row.to_json())
        _ = lines | "WriteRejected" >> beam.io.WriteToText(path, num_shards=1, shard_name_template="")

    def _write_report(
        self, counts: list[beam.PCollection], cutoffs: beam.PCollection, profile: beam.PCollection, directory: str
    ) -> None:
        path = FileSystems.join(directory, REPORT_FILE)
        total = counts | "FlattenCounts" >> beam.Flatten() | "Sum" >> beam.CombineGlobally(SumCounts())
        sides = (beam.pvalue.AsSingleton(cutoffs), beam.pvalue.AsSingleton(profile))
        report = total | "Report" >> beam.Map(lambda n, c, p, spec: data_report(spec, n, c, p), *sides, self._spec)
        _ = report | "WriteReport" >> beam.io.WriteToText(path, num_shards=1, shard_name_template="")


def _partition(batch: pa.Table, name: str, key: str, shards: int) -> Iterator[tuple[int, tuple[str, bytes]]]:
    for shard, rows in partition(batch, key, shards):
        yield shard, (name, to_bytes(rows))


class _PoolItems(beam.DoFn):
    """Some events to the items that were candidates before the training cut-off."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(self, element: tuple[int, tuple[str, bytes]], cutoffs: CutOffs) -> Iterator[bytes]:
        name, part = element[1]
        table = from_bytes([part]) if name == "events" else None
        if table is not None:
            events = SortedEvents.from_table(table)
            yield to_bytes(seen_items(self._spec, events, cutoffs, self._spec.candidates.where))


class _ShardFn(beam.DoFn):
    """One shard's users to records; decodes what all shards share once."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec
        self._shared: dict[str, tuple[bytes | None, Any]] = {}

    def process(
        self,
        element: tuple[int, Iterable[tuple[str, bytes]]],
        items: bytes | None,
        context: bytes | None,
        pool: bytes | None,
        cutoffs: CutOffs,
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        parts = list(element[1])
        table = from_bytes(part for name, part in parts if name == "events")
        if table is None:
            return
        user_rows = from_bytes(part for name, part in parts if name == "users")
        users = EntityTable.of_spec(self._spec, "users", user_rows)
        tables = Tables(
            items=self._once("items", items, partial(_entities, self._spec, "items")),
            users=users,
            context=self._once("context", context, partial(_entities, self._spec, "context")),
            pool=self._once("pool", pool, partial(_item_pool, self._spec)),
        )
        events = SortedEvents.from_table(table)
        yield beam.pvalue.TaggedOutput(_SEEN, to_bytes(seen_items(self._spec, events, cutoffs)))
        records = ShardRecords(self._spec, events, tables, cutoffs)
        for split, examples in records:
            Metrics.counter("preprocessing", f"records_{split}").inc(len(examples))
            for example in examples:
                yield beam.pvalue.TaggedOutput(split, example)
        records.counts["duplicate_keys", "users"] += users.duplicates if users else 0
        yield beam.pvalue.TaggedOutput(COUNTS, records.counts)

    def _once(self, name: str, content: bytes | None, decode: Callable[[bytes | None], Any]) -> Any:
        if name not in self._shared or self._shared[name][0] != content:
            self._shared[name] = content, decode(content)
        return self._shared[name][1]


def _entities(spec: DatasetSpec, table: TableName, content: bytes | None) -> EntityTable | None:
    return EntityTable.of_spec(spec, table, from_bytes([content]) if content else None)


def _item_pool(spec: DatasetSpec, content: bytes | None) -> ItemPool | None:
    seen = from_bytes([content]) if content else None
    return ItemPool(seen, spec.negatives.popularity_power) if spec.negatives and seen is not None else None


class _CatalogRecords(beam.DoFn):
    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(
        self, seen: bytes | None, items: bytes | None, cutoffs: CutOffs
    ) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
        table = from_bytes([seen]) if seen else None
        if table is None:
            return
        entities = _entities(self._spec, "items", items)
        catalog = Catalog(self._spec, table, entities.until(cutoffs.validation) if entities else None)
        counts: Counts = Counter({("items",): len(catalog)})
        counts["duplicate_keys", "items"] += entities.duplicates if entities else 0
        for record in catalog.records():
            counts["splits", "catalog", "records"] += 1
            counts["splits", "catalog", "bytes"] += len(record)
            yield record
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
