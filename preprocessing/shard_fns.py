"""The Beam functions that make records of shards of users, and gather what the whole job needs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from preprocessing.activity import active_items, step_of
from preprocessing.catalog import Catalog, columns_of_items, seen_items, statistic_records
from preprocessing.counts import Counts
from preprocessing.earlier import first_lists
from preprocessing.entities import EntityTable
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents
from preprocessing.joins import match_counts
from preprocessing.known_values import known_tables
from preprocessing.shard import ShardRecords
from preprocessing.shared_sides import SharedSides, entities, item_pool, training_events
from preprocessing.sources.columns import TableName
from preprocessing.sources.read import COUNTS
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.statistics.log_totals import decode_totals
from preprocessing.tables import from_bytes, to_bytes
from preprocessing.tfrecords import RecordFile
from preprocessing.titles import title_conflicts, title_table

TableBytes: TypeAlias = bytes  # a table, or a part of one, as from `tables.to_bytes`
# The number of a shard, and the parts of its users' tables, each with the table's name.
ShardParts: TypeAlias = tuple[int, Iterable[tuple[str, TableBytes]]]
ACTIVE = "active"
SHARD_SPLITS = ("train", "validation", "test", "pretrain", "pretrain_validation")


class RecordsOfShard(beam.DoFn):
    """One shard's users to records; decodes what all shards share once.

    Args:
        spec: What records are made of.
        shards: How many shards there are.
        directories: Where each split's records are written, a file a shard, also where the shard
            has none: what an earlier run left there would be read. None: records are outputs, by
            split.
        only_count: Makes no records, only counts what they would be.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        shards: int,
        directories: Mapping[str, str] | None = None,
        only_count: bool = False,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._shards = shards
        self._directories = directories
        self._only_count = only_count
        self._shared = SharedSides()

    def process(
        self,
        element: ShardParts,
        items: TableBytes | None,
        context: TableBytes | None,
        seen: TableBytes | None,
        active: TableBytes | None,
        known: list[tuple[str, TableBytes]],
        cutoffs: CutOffs,
        overall: Mapping[str, TableBytes] | None = None,
        answers: Mapping[int, Iterable[tuple[str, TableBytes]]] | None = None,
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """A shard's records by split, and what was counted of them.

        What follows the element are side inputs, which Beam fills only as arguments of their own.

        Args:
            element: The shard.
            items: The table of items, as far as the spec has one.
            context: The table of circumstances, likewise.
            seen: The items that were seen in training, of all shards.
            active: The items that were active in each step, of all shards; None where negatives
                aren't sampled.
            known: What was known of items by features that events have, as from KnownValues.
            cutoffs: Where time is cut.
            overall: Totals of statistics, by statistic, as from CountStatistics; None where the
                spec has none.
            answers: What CountStatistics tells each shard, likewise.
        """
        shard, content = element
        parts = list(content)
        table = from_bytes(part for name, part in parts if name == "events")
        if table is None:
            if self._directories is not None:
                counts = self._write((), self._directories, shard)
                yield beam.pvalue.TaggedOutput(COUNTS, counts)
            return
        of_users = from_bytes(part for name, part in parts if name == "users")
        users = EntityTable.of_spec(self._spec, "users", of_users)
        to_items = partial(entities, self._spec, "items")
        to_context = partial(entities, self._spec, "context")
        to_pool = partial(item_pool, self._spec)
        tables = Tables(
            items=self._shared.once("items", items, to_items),
            users=users,
            context=self._shared.once("context", context, to_context),
            pool=self._shared.once("pool", (active, cutoffs), to_pool),
            training_events=self._shared.once("seen", seen, training_events),
            known=self._shared.once("known", known, known_tables),
        )
        events = SortedEvents.from_table(table)
        own_answers = () if answers is None else answers[shard]
        totals = decode_totals(self._spec, overall or {}, own_answers)
        records = ShardRecords(self._spec, events, tables, cutoffs, totals)
        if self._directories is not None and not self._only_count:
            records.counts.update(self._write(records, self._directories, shard))
        elif not self._only_count:
            yield from self._outputs(records)
        records.counts.update(repeated(self._spec, "users", users))
        yield beam.pvalue.TaggedOutput(COUNTS, records.counts)

    def _outputs(self, records: ShardRecords) -> Iterator[beam.pvalue.TaggedOutput]:
        for split, examples in records:
            Metrics.counter("preprocessing", f"records_{split}").inc(len(examples))
            for example in examples:
                yield beam.pvalue.TaggedOutput(split, example)

    def _write(
        self,
        records: Iterable[tuple[str, list[bytes]]],
        directories: Mapping[str, str],
        shard: int,
    ) -> Counts:
        """Writes (split, some of its records); returns how large the files are.

        A shard that is done again replaces its files by the same ones.
        """
        with contextlib.ExitStack() as stack:
            files: dict[str, RecordFile] = {}
            for split in SHARD_SPLITS:
                file = RecordFile(path_of(directories[split], shard, self._shards))
                files[split] = stack.enter_context(file)
            for split, examples in records:
                Metrics.counter("preprocessing", f"records_{split}").inc(len(examples))
                files[split].write(examples)
        sizes: Counts = Counter()
        for split, file in files.items():
            sizes["splits", split, "file_bytes"] = file.size
        return sizes


class ItemsOfShard(beam.DoFn):
    """From one shard's events to the items that were seen in training.

    Where negatives are sampled, also to the items that were active in each step, under ACTIVE.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        self._spec = spec

    def process(
        self, element: ShardParts, cutoffs: CutOffs
    ) -> Iterator[TableBytes | beam.pvalue.TaggedOutput]:
        """A shard's items as a table, and those that were active as another."""
        parts = [part for name, part in element[1] if name == "events"]
        table = from_bytes(parts, columns_of_items(self._spec))
        if table is None:
            return
        yield to_bytes(seen_items(self._spec, first_lists(table), cutoffs))
        if self._spec.negatives is not None:
            events = SortedEvents.from_table(from_bytes(parts))
            step = step_of(self._spec.negatives.window, cutoffs)
            active = active_items(events, self._spec.candidates, step)
            yield beam.pvalue.TaggedOutput(ACTIVE, to_bytes(active))


class CatalogRecords(beam.DoFn):
    """From all items that were seen to the records of split `catalog`.

    Args:
        spec: What an item has.
        directory: Where they are written. None: records are outputs.
    """

    def __init__(self, spec: DatasetSpec, directory: str | None = None) -> None:
        super().__init__()
        self._spec = spec
        self._directory = directory

    def process(
        self,
        seen: TableBytes | None,
        items: TableBytes | None,
        context: TableBytes | None,
        cutoffs: CutOffs,
        statistics: Iterable[bytes] = (),
    ) -> Iterator[bytes | beam.pvalue.TaggedOutput]:
        """The records of the catalogue, and what was counted of it.

        Args:
            seen: The items that were seen in training, of all shards.
            items: The table of items, as far as the spec has one.
            context: The table of circumstances, likewise.
            cutoffs: Where time is cut.
            statistics: Lines of the statistics table, as from StatisticLines.
        """
        table = from_bytes([seen]) if seen else None
        if table is None:
            return
        known = entities(self._spec, "items", items)
        catalog = Catalog(self._spec, table, known.until(cutoffs.validation) if known else None)
        records = [*catalog.records(), *statistic_records(self._spec, statistics)]
        counts: Counts = Counter({("items",): len(catalog)})
        counts.update(repeated(self._spec, "items", known))
        if context is not None:
            counts.update(repeated(self._spec, "context", entities(self._spec, "context", context)))
        counts.update(self._titled(catalog))
        counts["splits", "catalog", "records"] += len(records)
        counts["splits", "catalog", "bytes"] += sum(map(len, records))
        if self._directory is None:
            yield from records
        else:
            with RecordFile(path_of(self._directory, 0, 1)) as file:
                file.write(records)
            counts["splits", "catalog", "file_bytes"] += file.size
        yield beam.pvalue.TaggedOutput(COUNTS, counts)

    def _titled(self, catalog: Catalog) -> Counts:
        """How many of the items of the log have a title, and how many have several."""
        table = title_table(self._spec)
        if table is None:
            return Counter()
        seen = catalog.ids.filter(pa.array(catalog.counts > 0))
        matched = int(pc.sum(pc.is_in(seen, value_set=table.keys)).as_py() or 0)
        counts = match_counts("titles", seen, np.ones(len(seen), np.int64), table.keys, matched)
        counts.update(title_conflicts(self._spec, table))
        return counts


def repeated(spec: DatasetSpec, name: TableName, table: EntityTable | None) -> Counts:
    """Counts the rows of a table that repeat a key, and the keys whose rows differ."""
    if table is None:
        return Counter({("duplicate_keys", name): 0})
    counts = table.conflicts.counts(spec, name)
    counts["duplicate_keys", name] += table.duplicates
    return counts


def path_of(directory: str, shard: int, shards: int) -> str:
    """The file of a shard's records of one split, named as TFX names them."""
    return FileSystems.join(directory, f"data_tfrecord-{shard:05d}-of-{shards:05d}.gz")
