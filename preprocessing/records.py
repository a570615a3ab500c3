"""The Beam job: a dataset spec to serialised tf.Examples by split, a quarantine of bad rows and a data report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from preprocessing.catalog import Catalog, seen_items
from preprocessing.combiners import ConcatenateTables, MergeSeenItems, MergeTimeProfiles, SumCounts
from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.features import SPLITS
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
        cutoffs = profile | "CutOffs" >> beam.Map(cut_offs, self._spec.split)
        items = self._items(root, tables)
        sides = {"items": beam.pvalue.AsSingleton(items), "cutoffs": beam.pvalue.AsSingleton(cutoffs)}
        records = self._shard_records(tables, sides)
        seen = records[_SEEN] | "MergeSeen" >> beam.CombineGlobally(MergeSeenItems())
        catalog = seen | "Catalog" >> beam.ParDo(_CatalogRecords(self._spec), sides["items"]).with_outputs(
            COUNTS, main="catalog"
        )
        counts = [records[COUNTS], catalog[COUNTS]] + [table[COUNTS] for table in tables.values()]
        if self._quarantine_dir:
            self._write_rejected([table[REJECTED] for table in tables.values()], self._quarantine_dir)
            self._write_report(counts, cutoffs, profile, self._quarantine_dir)
        return {split: catalog["catalog"] if split == "catalog" else records[split] for split in SPLITS}

    def _items(self, root: beam.Pipeline, tables: dict[TableName, Any]) -> beam.PCollection:
        if "items" not in tables:
            return root | "NoItems" >> beam.Create([None])
        batches = tables["items"][BATCHES] | "ItemBytes" >> beam.Map(to_bytes)
        return batches | "Items" >> beam.CombineGlobally(ConcatenateTables())

    def _shard_records(self, tables: dict[TableName, Any], sides: dict[str, Any]) -> Any:
        parts = [
            tables[name][BATCHES] | f"Shard[{name}]" >> beam.FlatMap(_partition, name, key, self._shards)
            for name, key in (("events", USER), ("users", KEY))
            if name in tables
        ]
        outputs = [split for split in SPLITS if split != "catalog"]
        return (
            parts
            | "Flatten" >> beam.Flatten()
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


def _items(spec: DatasetSpec, part: bytes | None) -> EntityTable | None:
    return EntityTable.of_spec(spec, "items", from_bytes([part]) if part else None)


class _ShardFn(beam.DoFn):
    """One shard's users to records; decodes the item table once."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec
        self._items: tuple[bytes | None, EntityTable | None] = (None, _items(spec, None))

    def process(
        self, element: tuple[int, Iterable[tuple[str, bytes]]], items: bytes | None, cutoffs: CutOffs
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        parts = list(element[1])
        table = from_bytes(part for name, part in parts if name == "events")
        if table is None:
            return
        if items != self._items[0]:
            self._items = (items, _items(self._spec, items))
        user_rows = from_bytes(part for name, part in parts if name == "users")
        users = EntityTable.of_spec(self._spec, "users", user_rows)
        events = SortedEvents.from_table(table)
        yield beam.pvalue.TaggedOutput(_SEEN, to_bytes(seen_items(self._spec, events, cutoffs)))
        records = ShardRecords(self._spec, events, self._items[1], users, cutoffs)
        for split, examples in records:
            Metrics.counter("preprocessing", f"records_{split}").inc(len(examples))
            for example in examples:
                yield beam.pvalue.TaggedOutput(split, example)
        records.counts["duplicate_keys", "users"] += users.duplicates if users else 0
        yield beam.pvalue.TaggedOutput(COUNTS, records.counts)


class _CatalogRecords(beam.DoFn):
    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(self, seen: bytes | None, items: bytes | None) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
        table = from_bytes([seen]) if seen else None
        if table is None:
            return
        entities = _items(self._spec, items)
        catalog = Catalog(self._spec, table, entities)
        counts: Counts = Counter({("items",): len(catalog)})
        counts["duplicate_keys", "items"] += entities.duplicates if entities else 0
        for record in catalog.records():
            counts["splits", "catalog", "records"] += 1
            counts["splits", "catalog", "bytes"] += len(record)
            yield record
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
