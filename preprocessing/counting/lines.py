"""The Beam transform that makes the statistics table from the counts."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import numpy as np

from preprocessing.catalog import Catalog
from preprocessing.combiners import MergeSeenItems
from preprocessing.counting.job import Counted
from preprocessing.shard_fns import ItemsOfShard
from preprocessing.shared_sides import entities
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.statistics.as_of import AsOf
from preprocessing.statistics.exchange import STEP, amounts_of
from preprocessing.statistics.table import (
    counted_features,
    item_lines,
    never_counted,
    statistic_lines,
)
from preprocessing.tables import from_bytes


class StatisticLines(beam.PTransform):
    """From (shard of users, parts of tables) to the lines of the table, many in one piece of text.

    Args:
        spec: Declares the statistics.
        counted: What was counted.
        items: The side input of the item table.
        cutoffs: The cut-offs; the table is as of the log's end.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        counted: Counted,
        items: beam.pvalue.AsSingleton,
        cutoffs: beam.PCollection,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._counted = counted
        self._items = items
        self._cutoffs = cutoffs

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        overall = beam.pvalue.AsDict(self._counted.overall)
        cutoffs = beam.pvalue.AsSingleton(self._cutoffs)
        tables = self._counted.tables | "OfKeys" >> beam.Map(
            lines_of_keys, self._spec, overall, cutoffs
        )
        defaults = self._cutoffs | "NeverCounted" >> beam.Map(
            lines_of_what_never_counted, self._spec, overall
        )
        about = self._counted.events | "AsOf" >> beam.Map(_as_of, cutoffs)
        found = [tables, defaults, about]
        if counted_features(self._spec):
            found.append(self._of_items(parts))
        return found | beam.Flatten() | "NotEmpty" >> beam.Filter(bool)

    def _of_items(self, parts: beam.PCollection) -> beam.PCollection:
        """Which values items have, as of the log's end, however few events they have."""
        spec = self._spec.model_copy(update={"negatives": None, "item_min_count": 1})
        ends = self._cutoffs | "End" >> beam.Map(
            lambda cutoffs: cutoffs._replace(validation=cutoffs.end)
        )
        end = beam.pvalue.AsSingleton(ends)
        seen = parts | "Items" >> beam.ParDo(ItemsOfShard(spec), end)
        merged = seen | "MergeSeen" >> beam.CombineGlobally(MergeSeenItems())
        return merged | "OfItems" >> beam.FlatMap(_of_items, spec, self._items, end)


def lines_of_keys(
    counted: tuple[str, bytes], spec: DatasetSpec, overall: dict[str, bytes], cutoffs: CutOffs
) -> bytes:
    """The lines of a statistic's keys in one shard; none where nothing was counted in time.

    Args:
        counted: (statistic, table) as from `KeyShard.at`.
        spec: Declares the statistics.
        overall: By statistic, what happened to all keys together; see `exchange.total_by_step`.
        cutoffs: The table is as of their end.
    """
    name, rows = counted
    table = from_bytes([rows])
    assert table is not None
    return b"\n".join(statistic_lines(spec, name, table, _at_end(spec, name, overall, cutoffs)))


def lines_of_what_never_counted(
    cutoffs: CutOffs, spec: DatasetSpec, overall: dict[str, bytes]
) -> bytes:
    """A line for each statistic; see `lines_of_keys`."""
    lines: list[bytes] = []
    for name in spec.features.statistics:
        lines += never_counted(spec, name, _at_end(spec, name, overall, cutoffs))
    return b"\n".join(lines)


def _as_of(events: int, cutoffs: CutOffs) -> bytes:
    return AsOf(cutoffs.end, events).line()


def _of_items(
    seen: bytes | None, spec: DatasetSpec, items: bytes | None, cutoffs: CutOffs
) -> Iterator[bytes]:
    table = from_bytes([seen]) if seen else None
    if table is None:
        return
    known = entities(spec, "items", items)
    catalog = Catalog(spec, table, known.until(cutoffs.end) if known else None)
    yield b"\n".join(item_lines(spec, catalog))


def _at_end(
    spec: DatasetSpec, name: str, overall: dict[str, bytes], cutoffs: CutOffs
) -> np.ndarray:
    """What had happened to all keys together before the log's last step: int64 [1 + tasks]."""
    statistic = spec.features.statistics[name]
    table = from_bytes([overall[name]]) if name in overall else None
    if table is None:
        return np.zeros(statistic.summed(len(spec.tasks)), np.int64)
    is_over = table.column(STEP).to_numpy() < cutoffs.end // statistic.step
    return amounts_of(table)[is_over].sum(axis=0)
