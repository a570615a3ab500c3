"""Rows of a table that have one key and differ: how many keys have such rows, and an example."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.counts import Counts
from preprocessing.hints import shortened
from preprocessing.sources.columns import KEY, TableName, columns_of
from preprocessing.spec import DatasetSpec

_EXAMPLE = ("key_column", "key", "column", "used", "other")


@dataclasses.dataclass(frozen=True)
class Conflicts:
    """What differs between rows of one key (and time).

    Attributes:
        keys: How many keys (and times) have rows that differ.
        example: The first such key, the batch's name of a column, its value in the row that is
            used, and another value. None if there is no such key.
    """

    keys: int = 0
    example: tuple[str, str, str, str] | None = None

    def counts(self, spec: DatasetSpec, table: TableName) -> Counts:
        """The same as counters of table `table`."""
        return self.counted(table, {found.name: found.source for found in columns_of(spec, table)})

    def counted(self, table: str, sources: Mapping[str, str]) -> Counts:
        """The same as counters.

        Args:
            table: What the counters are called by.
            sources: What the files call the columns, by the batch's names.
        """
        if self.example is None:
            return Counter()
        key, column, *values = self.example
        example = (sources[KEY], key, sources[column], *values)
        return Counter(
            {("conflicting_keys", table): self.keys, ("conflict_examples", table, *example): 1}
        )


NO_CONFLICTS = Conflicts()


def conflicts_of(ordered: pa.Table, is_first: np.ndarray, columns: list[str]) -> Conflicts:
    """Compares rows with the first of their key.

    Args:
        ordered: Rows, sorted by key (and time) and then by their values.
        is_first: bool [rows], whether a row is the first of its key (and time).
        columns: Which ones are compared.
    """
    rows = np.flatnonzero(~is_first)
    if not len(rows):
        return NO_CONFLICTS
    firsts = np.maximum.accumulate(np.where(is_first, np.arange(len(is_first)), 0))[rows]
    used = ordered.take(pa.array(firsts))
    others = ordered.take(pa.array(rows))
    differing = {name: _differ(used.column(name), others.column(name)) for name in columns}
    does_differ = np.any([np.zeros(len(rows), bool), *differing.values()], axis=0)
    if not does_differ.any():
        return NO_CONFLICTS
    row = int(np.argmax(does_differ))
    column = next(name for name in columns if differing[name][row])
    values = [_shown(table.column(column)[row].as_py()) for table in (used, others)]
    key = _shown(used.column(KEY)[row].as_py())
    return Conflicts(len(np.unique(firsts[does_differ])), (key, column, values[0], values[1]))


def conflict_examples(counted: dict[str, Any]) -> dict[str, dict[str, str]]:
    """One example a table, of the counters' many: that of the first key."""
    return {table: _example(found) for table, found in counted.items()}


def conflict_findings(keys: dict[str, int], examples: dict[str, dict[str, str]]) -> list[str]:
    """What is odd about the keys of a data report's tables."""
    findings: list[str] = []
    for table, count in keys.items():
        found = examples[table]
        is_of_titles = table == "titles"
        what = "titles of table items" if is_of_titles else f"table {table}"
        findings.append(
            f"{what}: {count:,} of the keys in column {found['key_column']} have rows that "
            f"differ: {found['key']!r} has {found['used']!r} and {found['other']!r} in column "
            f"{found['column']}. Of each, the row whose values come first in sorted order is used, "
            f"here the one with {found['used']!r}, and the others aren't. Write one row a key, or "
            f"if these are changes, declare the time of each by "
            f"{'items' if is_of_titles else table}.timestamp."
        )
    return findings


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> np.ndarray:
    differ = pc.fill_null(pc.not_equal(one, other), False).to_numpy()
    if pa.types.is_floating(one.type):  # absent numbers are NaN, which equals nothing
        differ = differ & ~(np.isnan(one.to_numpy()) & np.isnan(other.to_numpy()))
    return differ


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.12g}"
    return shortened(str(value))


def _example(found: dict[str, Any]) -> dict[str, str]:
    parts: list[str] = []
    while len(parts) < len(_EXAMPLE):
        # The key's column is the same in all.
        part = min(found)
        parts.append(part)
        found = found[part]
    return dict(zip(_EXAMPLE, parts, strict=True))
