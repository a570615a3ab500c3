"""The counters of a run: their type, and how lengths of lists are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

Counts = Counter[tuple[str, ...]]


def count_lengths(prefix: tuple[str, ...], lengths: np.ndarray) -> Counts:
    """How often each length occurs, under `prefix` and the length."""
    found: Counts = Counter()
    occurring, counts = np.unique(lengths, return_counts=True)
    for length, count in zip(occurring.tolist(), counts.tolist(), strict=True):
        key = (*prefix, str(length))
        found[key] = count
    return found


def nested(counts: Counts) -> dict[str, Any]:
    """The counters as mappings in mappings, one for each part of their names."""
    found: dict[str, Any] = {}
    for path, count in sorted(counts.items()):
        inner = found
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = count
    return found
