"""What readers of tables give, part by part, as plain rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from tests.testing import Row

Part: TypeAlias = pa.Table | list[RejectedRow]


def good_rows(parts: Iterable[Part]) -> list[Row]:
    """The rows that were read."""
    rows: list[Row] = []
    for part in parts:
        if isinstance(part, pa.Table):
            rows += part.to_pylist()
    return rows


def rejected_rows(parts: Iterable[Part]) -> list[RejectedRow]:
    """The rows that were rejected."""
    rows: list[RejectedRow] = []
    for part in parts:
        if isinstance(part, list):
            rows += part
    return rows


def without_nan(row: Row) -> Row:
    """A row with None for each NaN in it, which would equal nothing."""
    return {name: _none_for_nan(value) for name, value in row.items()}


def _none_for_nan(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
