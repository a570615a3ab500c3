"""The data report: counters of a run, added up, as one JSON document."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs, TimeProfile, to_iso

Counts = Counter[tuple[str, ...]]
_PERCENTILES = (10, 25, 50, 75, 90, 99)


def data_report(spec: DatasetSpec, counts: Counts, cutoffs: CutOffs, profile: TimeProfile) -> str:
    """The report as JSON text.

    Args:
        spec: What was read.
        counts: `("rows", table, "read")`, `("rows", table, "rejected", reason)`, `("splits", split, ...)`,
            `("history_length", length)`, `("users",)`, `("items",)`: how often.
        cutoffs: Where time was cut.
        profile: When the events were.
    """
    nested = _nest(counts)
    splits = {name: _split(spec, nested.get("splits", {}).get(name, {})) for name in nested.get("splits", {})}
    report = {
        "dataset": spec.name,
        "rows": {table: {"rejected": {}} | rows for table, rows in nested.get("rows", {}).items()},
        "first_event": to_iso(profile.first or 0),
        "last_event": to_iso(profile.last or 0),
        "cut_offs": {"validation_from": to_iso(cutoffs.validation), "test_from": to_iso(cutoffs.test)},
        "splits": splits,
        "history_length": _distribution(nested.get("history_length", {})),
        "items": nested.get("items", 0),
        "duplicate_keys": nested.get("duplicate_keys", {}),
        "users": nested.get("users", 0),
    }
    return json.dumps(report, indent=2, sort_keys=True)


def _split(spec: DatasetSpec, counts: dict[str, Any]) -> dict[str, Any]:
    positives = counts.get("positives", {})
    candidates = counts.get("candidates", 0)
    rates = {task: positives.get(task, 0) / candidates for task in spec.tasks} if candidates else {}
    plain = {name: counts.get(name, 0) for name in ("records", "requests", "candidates", "bytes")}
    return plain | {"label_rate": rates}


def _nest(counts: Counts) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, count in sorted(counts.items()):
        inner = nested
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = count
    return nested


def _distribution(counts: dict[str, int]) -> dict[str, Any]:
    """Mean and percentiles of a length, from how often each length occurs."""
    lengths = sorted((int(length), count) for length, count in counts.items())
    total = sum(count for _, count in lengths)
    if not total:
        return {}
    mean = sum(length * count for length, count in lengths) / total
    return {"mean": mean, "percentiles": {str(p): _percentile(lengths, p * total / 100) for p in _PERCENTILES}}


def _percentile(lengths: list[tuple[int, int]], rank: float) -> int:
    seen = 0
    for length, count in lengths:
        seen += count
        if seen >= rank:
            return length
    return lengths[-1][0]
