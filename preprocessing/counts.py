"""Counters of a run: what they are, and lists' lengths as counters."""

from __future__ import annotations

from collections import Counter

import numpy as np

Counts = Counter[tuple[str, ...]]


def count_lengths(prefix: tuple[str, ...], lengths: np.ndarray) -> Counts:
    """How often each length occurs, each under `prefix` and the length."""
    occurring, counts = np.unique(lengths, return_counts=True)
    return Counter({(*prefix, str(n)): c for n, c in zip(occurring.tolist(), counts.tolist(), strict=True)})
