"""The Beam job that makes records of a log, a quarantine of bad rows and a data report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import apache_beam as beam

from preprocessing.combiners import (
    ConcatenateTables,
    MergeActiveItems,
    MergeSeenItems,
    MergeTimeProfiles,
)
from preprocessing.counting.job import CountStatistics, Sides
from preprocessing.counting.lines import StatisticLines
from preprocessing.earlier import with_earlier
from preprocessing.earlier_files import check_shards
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

# These tables go to every shard; the rows of users go to the shard of their user.
_BROADCAST: tuple[TableName, ...] = ("items", "context")
Collections = dict[str, beam.PCollection]
ReadTables = dict[TableName, Collections]  # what ReadTable gives of each


class BuildRecords(beam.PTransform):
    """From a pipeline's root to a PCollection of serialised tf.Examples per split.

    The splits are those of `features.SPLITS`. Users are spread over shards by a hash of their id;
    a worker holds one shard at a time.

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

    # What subclasses change: files of each split instead of outputs; counters, but no records.
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
        tables: ReadTables = {}
        for name in TABLES:
            if getattr(self._spec, name) is not None:
                tables[name] = root | ReadTable(self._spec, name)
        profile = (
            tables["events"][BATCHES]
            | "Times" >> beam.Map(lambda batch: TimeProfile.of(batch.column(TIME).to_numpy()))
            | "MergeTimes" >> beam.CombineGlobally(MergeTimeProfiles())
        )
        to_cutoffs = beam.Map(cut_offs, self._spec.split, self._spec.attribution_window)
        cutoffs = profile | "CutOffs" >> to_cutoffs
        # What all shards need beside their own users' rows.
        sides: Sides = {"cutoffs": beam.pvalue.AsSingleton(cutoffs)}
        for name in _BROADCAST:
            sides[name] = beam.pvalue.AsSingleton(self._broadcast(root, tables, name))
        parts = self._parts(tables)
        known = parts | "KnownValues" >> KnownValues(self._spec, self._shards)
        sides["known"] = beam.pvalue.AsList(known)
        shards = self._by_shard(root, parts)
        seen, active = self._items(shards, sides["cutoffs"])
        sides["seen"] = beam.pvalue.AsSingleton(seen)
        sides["active"] = beam.pvalue.AsSingleton(active)
        lines = self._statistics(shards, sides, cutoffs)
        records = self._shard_records(shards, sides)
        catalog = self._catalog(seen, sides, lines)
        if self._quarantine_dir:
            counts = [records[COUNTS], catalog[COUNTS]]
            counts += [table[COUNTS] for table in tables.values()]
            rejected = [table[REJECTED] for table in tables.values()]
            write = WriteQuarantine(self._spec, self._quarantine_dir, rejected, cutoffs, profile)
            _ = tuple(counts) | "Quarantine" >> write
        return {split: records[split] for split in SHARD_SPLITS} | {"catalog": catalog["catalog"]}

    def _statistics(
        self, shards: beam.PCollection, sides: Sides, cutoffs: beam.PCollection
    ) -> tuple[beam.pvalue.AsIter, ...]:
        """Adds what shards are told of statistics to `sides`.

        Returns:
            The lines of the statistics table as a side input; nothing if there are no statistics.
        """
        if not self._spec.features.statistics or self._only_count:
            return ()
        counted = shards | "Statistics" >> CountStatistics(self._spec, self._shards, sides)
        sides["overall"] = beam.pvalue.AsDict(counted.overall)
        sides["answers"] = beam.pvalue.AsMultiMap(counted.answers)
        to_lines = StatisticLines(self._spec, counted, sides["items"], cutoffs)
        return (beam.pvalue.AsIter(shards | "StatisticLines" >> to_lines),)

    def _catalog(
        self, seen: beam.PCollection, sides: Sides, lines: tuple[beam.pvalue.AsIter, ...]
    ) -> beam.pvalue.DoOutputsTuple:
        directory = self._directories["catalog"] if self._directories is not None else None
        catalog = CatalogRecords(self._spec, directory)
        to_catalog = beam.ParDo(catalog, sides["items"], sides["context"], sides["cutoffs"], *lines)
        return seen | "Catalog" >> to_catalog.with_outputs(COUNTS, main="catalog")

    def _broadcast(
        self, root: beam.Pipeline, tables: ReadTables, name: TableName
    ) -> beam.PCollection:
        if name not in tables:
            return root | f"No[{name}]" >> beam.Create([None])
        batches = tables[name][BATCHES] | f"Bytes[{name}]" >> beam.Map(to_bytes)
        return batches | f"Gather[{name}]" >> beam.CombineGlobally(ConcatenateTables())

    def _items(
        self, shards: beam.PCollection, cutoffs: beam.pvalue.AsSingleton
    ) -> tuple[beam.PCollection, beam.PCollection]:
        """The items seen in training, and when items were active, of all shards."""
        to_items = beam.ParDo(ItemsOfShard(self._spec), cutoffs)
        found = shards | "Items" >> to_items.with_outputs(ACTIVE, main="seen")
        seen = found["seen"] | "MergeSeen" >> beam.CombineGlobally(MergeSeenItems())
        return seen, found[ACTIVE] | "MergeActive" >> beam.CombineGlobally(MergeActiveItems())

    def _parts(self, tables: ReadTables) -> beam.PCollection:
        """(shard, (table, rows as bytes)) of the tables that are spread over the shards by user."""
        keys: dict[TableName, str] = {"events": USER, "users": KEY}
        parts: list[beam.PCollection] = []
        for name, key in keys.items():
            if name in tables:
                to_shards = beam.FlatMap(partition, name, key, self._shards)
                parts.append(self._rows(tables, name) | f"Shard[{name}]" >> to_shards)
        return parts | "Flatten" >> beam.Flatten()

    def _by_shard(self, root: beam.Pipeline, parts: beam.PCollection) -> beam.PCollection:
        """(shard, its parts); where shards have files, those without users, too."""
        if self._directories is not None:
            number = root | "NumberOfShards" >> beam.Create([self._shards])
            every = number | "EveryShard" >> beam.FlatMap(_every_shard)
            parts = (parts, every) | "WithEveryShard" >> beam.Flatten()
        return parts | "GroupByShard" >> beam.GroupByKey()

    def _rows(self, tables: ReadTables, name: TableName) -> beam.PCollection:
        batches = tables[name][BATCHES]
        if name != "events" or self._spec.history.earlier is None:
            return batches
        return batches | "Earlier" >> beam.Map(with_earlier, self._spec)

    def _shard_records(self, shards: beam.PCollection, sides: Sides) -> beam.pvalue.DoOutputsTuple:
        records = RecordsOfShard(self._spec, self._shards, self._directories, self._only_count)
        to_records = beam.ParDo(records, **sides)
        return shards | "Records" >> to_records.with_outputs(COUNTS, *SHARD_SPLITS)


class CountRecords(BuildRecords):
    """`BuildRecords` without the records: the data report of what they would be."""

    _only_count = True


class WriteRecords(BuildRecords):
    """Writes the records as gzipped TFRecords, a file per split and shard.

    Records don't go through the runner, which would cost more than making them, so the resulting
    collections are empty. A shard's files hold the same bytes whatever runs it, and have their
    names only when they are whole: a shard that is done twice does no harm. Every shard writes a
    file of each split, be it without records, so that a run replaces all that an earlier one with
    as many shards left, also of another log, and one that was killed.

    Args:
        directories: Where each split's files go.
        spec, quarantine_dir, shards: As for `BuildRecords`.

    Raises:
        DataError: when it is applied: a folder has records of another number of shards, which would
            be read beside these. Or as `BuildRecords`.
    """

    def __init__(
        self,
        directories: Mapping[str, str],
        spec: DatasetSpec,
        quarantine_dir: str | None = None,
        shards: int | None = None,
    ) -> None:
        super().__init__(spec, quarantine_dir, shards)
        self._directories: dict[str, str] = {}
        for split, directory in directories.items():
            self._directories[split] = absolute(directory)

    def expand(self, root: beam.Pipeline) -> Collections:
        check_shards((self._directories[split] for split in SHARD_SPLITS), self._shards)
        return super().expand(root)


def _every_shard(shards: int) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """(shard, a part of no table), which makes every shard known."""
    for shard in range(shards):
        yield shard, ("", b"")
