"""Columns that a file's folders give, such as `log/day=2026-01-01/part-0.parquet`.

Hive, Spark and others write them.
"""

from __future__ import annotations

import re
import urllib.parse

import numpy as np
import pyarrow as pa

from preprocessing.sources.raw import RawBatch

_FOLDER = re.compile(r"([A-Za-z_][\w-]*)=(.*)")
_ABSENT = "__HIVE_DEFAULT_PARTITION__"


def partitions_of(path: str) -> dict[str, str]:
    """The columns that the folders of a path give, as text; "" where the value is absent."""
    found = {}
    for folder in path.split("/")[:-1]:
        match = _FOLDER.fullmatch(folder)
        if match:
            value = urllib.parse.unquote(match[2])
            found[match[1]] = "" if value == _ABSENT else value
    return found


def with_partitions(batch: RawBatch, values: dict[str, str]) -> RawBatch:
    """A batch with columns, by their names in the batch, that have the same value in every row."""
    rows = len(batch.numbers)
    columns: dict[str, pa.Array] = {}
    for name, value in values.items():
        columns[name] = pa.array(np.full(rows, value, object), pa.string())
    return batch.beside(RawBatch(columns, dict.fromkeys(columns, ""), batch.numbers))
