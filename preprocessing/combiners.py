"""What Beam adds up over a whole log: counters, the time profile, seen items, small tables."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa

from preprocessing.activity import merge_active
from preprocessing.catalog import merge_seen
from preprocessing.counts import Counts
from preprocessing.splits import TimeProfile
from preprocessing.statistics.exchange import merged
from preprocessing.tables import from_bytes, to_bytes


class SumCounts(beam.CombineFn):
    """Adds counters."""

    def create_accumulator(self) -> Counts:
        return Counter()

    def add_input(self, accumulator: Counts, element: Counts) -> Counts:
        accumulator.update(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        total: Counts = Counter()
        for accumulator in accumulators:
            total.update(accumulator)
        return total

    def extract_output(self, accumulator: Counts) -> Counts:
        return accumulator


class MergeTimeProfiles(beam.CombineFn):
    """Merges time profiles."""

    def create_accumulator(self) -> TimeProfile:
        return TimeProfile.empty()

    def add_input(self, accumulator: TimeProfile, element: TimeProfile) -> TimeProfile:
        return TimeProfile.merge([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[TimeProfile]) -> TimeProfile:
        return TimeProfile.merge(list(accumulators))

    def extract_output(self, accumulator: TimeProfile) -> TimeProfile:
        return accumulator


class _TableCombiner(beam.CombineFn):
    """Gathers tables as bytes, and compacts them once there are many, to bound memory."""

    _MOST_PARTS = 16

    def create_accumulator(self) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes) -> list[bytes]:
        accumulator.append(element)
        return self._merged(accumulator) if len(accumulator) >= self._MOST_PARTS else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        return self._merged(list(itertools.chain.from_iterable(accumulators)))

    def extract_output(self, accumulator: list[bytes]) -> bytes | None:
        merged = self._merged(accumulator)
        return merged[0] if merged else None

    def _merged(self, parts: list[bytes]) -> list[bytes]:
        table = from_bytes(parts)
        return [] if table is None else [to_bytes(self.merge_table(table))]

    def merge_table(self, table: pa.Table) -> pa.Table:
        return table


class ConcatenateTables(_TableCombiner):
    """All rows of several tables."""


class MergeActiveItems(_TableCombiner):
    """One row per item and step; see `activity.merge_active`."""

    def merge_table(self, table: pa.Table) -> pa.Table:
        return merge_active(table)


class MergeSeenItems(_TableCombiner):
    """One row per item; see `catalog.merge_seen`."""

    def merge_table(self, table: pa.Table) -> pa.Table:
        return merge_seen([table])


class MergeKeyCounts(_TableCombiner):
    """One row per key and step; see `exchange.merged`."""

    def merge_table(self, table: pa.Table) -> pa.Table:
        return merged(table)
