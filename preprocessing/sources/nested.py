"""Rows that are objects (of JSON lines and Avro): to batches of typed columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from preprocessing.sources.columns import Column
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.values import array_of

Row = dict[str, Any]


def batch_of(rows: Sequence[Row], numbers: np.ndarray, columns: tuple[Column, ...]) -> RawBatch:
    """The wanted columns of rows; one that a row lacks is absent there."""
    arrays = {column.name: array_of([get(row, column.source) for row in rows]) for column in columns}
    return RawBatch(arrays, dict.fromkeys(arrays, ""), numbers)


def get(row: Row, source: str) -> Any:
    """The value of a key, or of a path of keys such as `user.id`; None where there is none."""
    if source in row:
        return row[source]
    value: Any = row
    for part in source.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def names_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """All keys of some rows, and the paths of those inside others, in order of appearance."""
    found: dict[str, None] = {}
    for row in rows:
        _add_names(row, "", found)
    return tuple(found)


def _add_names(row: Row, prefix: str, found: dict[str, None]) -> None:
    for key, value in row.items():
        found.setdefault(prefix + key)
        if isinstance(value, dict):
            _add_names(value, f"{prefix}{key}.", found)
