"""The statistics table: what a served model looks up of items, as it stood at one time.

It is text, a line for each key: the key and its value, both in the base64 of URLs, with a tab
between them. Keys are

    "of", a statistic's name, and what it counts apart -> its numbers, float32, in the order of
    Statistic.columns "item", an item feature's name, and an item's id -> the item's value of that
    feature

with names.SEPARATOR between their parts. A statistic's key "" is for whatever has never been
counted.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from preprocessing.catalog import Catalog
from preprocessing.sources.columns import KEY
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID
from preprocessing.statistics.exchange import STEP, amounts_of
from preprocessing.statistics.names import ITEM, OF, SEPARATOR
from preprocessing.statistics.rates import numbers


def statistic_lines(
    spec: DatasetSpec, name: str, table: pa.Table, overall: np.ndarray
) -> Iterator[bytes]:
    """The lines of keys.

    Args:
        spec: Declares the statistic.
        name: Its name.
        table: The keys' counts in each window, as from `KeyCounts.at`.
        overall: int64 [1 + tasks], what happened to all keys together.
    """
    statistic = spec.features.statistics[name]
    counts = amounts_of(table).reshape(table.num_rows, len(statistic.windows), -1)
    together = np.broadcast_to(overall, (table.num_rows, len(overall)))
    values = np.stack(numbers(spec, statistic, counts, together), axis=1).astype("<f4")
    for key, row in zip(table.column(KEY).to_pylist(), values, strict=True):
        yield line((OF, name, key), row.tobytes())


def never_counted(spec: DatasetSpec, name: str, overall: np.ndarray) -> Iterator[bytes]:
    """The line of whatever a statistic hasn't counted."""
    amounts = len(spec.features.statistics[name].windows) * len(overall)
    columns = {str(number): [0] for number in range(amounts)}
    return statistic_lines(spec, name, pa.table({KEY: [""], STEP: [0]} | columns), overall)


def item_lines(spec: DatasetSpec, catalog: Catalog) -> Iterator[bytes]:
    """The lines of items' features that statistics count by."""
    for feature in counted_features(spec):
        for item, value in zip(
            catalog.ids.to_pylist(), catalog.values_of(feature).to_pylist(), strict=True
        ):
            if value:
                yield line((ITEM, feature, item), value)


def counted_features(spec: DatasetSpec) -> list[str]:
    """The item features that statistics count by."""
    declared = spec.features.statistics
    return sorted({key for name in declared for key in declared[name].item_keys(name)} - {ITEM_ID})


def line(key: tuple[str, ...], value: bytes) -> bytes:
    """One line of the table, without its end."""
    return encoded(SEPARATOR.join(key).encode()) + b"\t" + encoded(value)


def encoded(content: bytes) -> bytes:
    """In the base64 of URLs, without padding, as tf.io.encode_base64 has it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=")
