"""The statistics table: what a served model looks up of items, as it stood at one time.

It is text, a line per key: the key and its value, both in the base64 of URLs, with a tab between
them. A key has three parts, with names.SEPARATOR between them:

| first part | second | third | value |
| --- | --- | --- | --- |
| of | a statistic's name | what it counts apart | float32 numbers in `Statistic.columns`' order |
| item | an item feature's name | an item's id | the item's value of that feature |
| about | | | of when the table is, as JSON: see as_of.py |

A statistic's line with "" as its third part is for whatever has never been counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from preprocessing.catalog import Catalog
from preprocessing.sources.columns import KEY
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID
from preprocessing.statistics.exchange import STEP, counts_of
from preprocessing.statistics.names import ITEM, OF
from preprocessing.statistics.rates import numbers
from preprocessing.statistics.text import table_line


def statistic_lines(
    spec: DatasetSpec, name: str, table: pa.Table, overall: np.ndarray
) -> Iterator[bytes]:
    """The lines of one statistic.

    Args:
        spec: Declares the statistic.
        name: The statistic's name.
        table: The keys' counts in each window, as from `KeyCounts.at`.
        overall: int64 [1 + tasks], what happened to all keys together.
    """
    statistic = spec.features.statistics[name]
    counts = counts_of(table, len(statistic.windows))
    together = np.broadcast_to(overall, (table.num_rows, len(overall)))
    values = np.stack(numbers(spec, statistic, counts, together), axis=1).astype("<f4")
    for key, row in zip(table.column(KEY).to_pylist(), values, strict=True):
        yield table_line((OF, name, key), row.tobytes())


def never_counted(spec: DatasetSpec, name: str, overall: np.ndarray) -> Iterator[bytes]:
    """The line of whatever a statistic hasn't counted."""
    statistic = spec.features.statistics[name]
    amounts = len(statistic.windows) * statistic.width(len(spec.tasks))
    columns = {str(number): [0] for number in range(amounts)}
    return statistic_lines(spec, name, pa.table({KEY: [""], STEP: [0]} | columns), overall)


def item_lines(spec: DatasetSpec, catalog: Catalog) -> Iterator[bytes]:
    """The lines of items' features that statistics count by."""
    items = catalog.ids.to_pylist()
    for feature in counted_features(spec):
        values = catalog.values_of(feature).to_pylist()
        for item, value in zip(items, values, strict=True):
            if value:
                yield table_line((ITEM, feature, item), value)


def counted_features(spec: DatasetSpec) -> list[str]:
    """The item features that statistics count by."""
    counted: set[str] = set()
    for name, statistic in spec.features.statistics.items():
        counted |= set(statistic.item_keys(name))
    return sorted(counted - {ITEM_ID})
