"""The data report: counters of a run, added up, as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from preprocessing.conflicts import conflict_examples
from preprocessing.counts import Counts, nested
from preprocessing.idle_features import empty_features
from preprocessing.joins import joins_report, missing_examples
from preprocessing.leaks import feature_auc
from preprocessing.popularity import rules
from preprocessing.sources.zone_counts import zones_report
from preprocessing.spec import DatasetSpec
from preprocessing.splits import NEVER, CutOffs, TimeProfile, to_iso
from preprocessing.time_warnings import time_warnings

_PERCENTILES = (10, 25, 50, 75, 90, 99)
# Counters of a split. `sampled` are candidates that are sampled negatives, `missing_negatives`
# those that could not be drawn, `too_recent` candidates that were left out because their
# attribution window wasn't over; `file_bytes` is what `bytes` come to when they are compressed.
_PLAIN = (
    "records",
    "requests",
    "candidates",
    "sampled",
    "missing_negatives",
    "too_recent",
    "bytes",
    "file_bytes",
)


def data_report(spec: DatasetSpec, counts: Counts, cutoffs: CutOffs, profile: TimeProfile) -> str:
    """The report as JSON text.

    Args:
        spec: What was read.
        counts: `("rows", table, "read")`, `("rows", table, "rejected", reason)`,
            `("bytes", table, "read")`, `("bytes", table, "lost")`, `("splits", split, ...)`,
            `("history_length", length)`, `("history_events", which)`, `("outside", why)`,
            `("requests_cut", why)`, `("joins", table, ...)`, `("missing_keys", table, id)`,
            `("label_values", task, value)`, `("odd_ids", column, value)`, `("users",)`,
            `("items",)`, `("duplicate_keys", table)`, `("conflicting_keys", table)`,
            `("conflict_examples", table, ...)`, `("item_changes", feature, which)`,
            `("feature_auc", task, feature, ...)`, `("zones", table, ...)`,
            `("statistic_events", statistic)`, `("statistic_values", statistic, column, value)`,
            `("statistic_seen", statistic)`, `("statistic_positives", statistic, task)`: how often.
        cutoffs: Where time was cut.
        profile: When the events were.
    """
    by_name = nested(counts)
    rows = by_name.get("rows", {})
    splits = by_name.get("splits", {})
    changes = by_name.get("item_changes", {})
    missing = by_name.get("missing_keys", {})
    outside = by_name.get("outside", {})
    report = {
        "dataset": spec.name,
        "rows": {table: {"rejected": {}} | counted for table, counted in rows.items()},
        "bytes": by_name.get("bytes", {}),
        "first_event": to_iso(profile.first or 0),
        "last_event": to_iso(profile.last or 0),
        "warnings": time_warnings(profile, spec.events.time_format),
        "cut_offs": _cut_offs(cutoffs),
        "splits": {name: _split(spec, counted) for name, counted in splits.items()},
        "requests_outside_the_splits": {"history_only": 0, "labels_only": 0} | outside,
        "requests_cut": {"at_cut_off": 0, "too_long": 0} | by_name.get("requests_cut", {}),
        "history_length": _distribution(by_name.get("history_length", {})),
        "history_events": {"all": 0, "entering": 0} | by_name.get("history_events", {}),
        "items": by_name.get("items", 0),
        "joins": joins_report(by_name.get("joins", {}), missing),
        "missing_examples": missing_examples(missing),
        "label_values": by_name.get("label_values", {}),
        "duplicate_keys": by_name.get("duplicate_keys", {}),
        "conflicting_keys": by_name.get("conflicting_keys", {}),
        "conflict_examples": conflict_examples(by_name.get("conflict_examples", {})),
        "users": by_name.get("users", 0),
        "odd_ids": by_name.get("odd_ids", {}),
        "item_changes": {name: _share(found) for name, found in changes.items()},
        "zones": zones_report(by_name.get("zones", {})),
        "statistic_events": by_name.get("statistic_events", {}),
        "statistic_values": by_name.get("statistic_values", {}),
        "statistic_seen": by_name.get("statistic_seen", {}),
        "statistic_positives": by_name.get("statistic_positives", {}),
        "empty_features": empty_features(by_name.get("feature_auc", {})),
        "feature_auc": _feature_auc(by_name.get("feature_auc", {})),
    }
    return json.dumps(report, indent=2, sort_keys=True)


def _split(spec: DatasetSpec, counts: dict[str, Any]) -> dict[str, Any]:
    positives = counts.get("positives", {})
    candidates = counts.get("candidates", 0)
    popularity = counts.get("popularity", {})
    report: dict[str, Any] = {name: counts.get(name, 0) for name in _PLAIN}
    report["label_rate"] = {}
    if candidates:
        for task in spec.tasks:
            report["label_rate"][task] = positives.get(task, 0) / candidates
    report["positives"] = positives
    report["label_rules"] = {task: rules(counted) for task, counted in popularity.items()}
    report["bytes_a_candidate"] = report["bytes"] / candidates if candidates else None
    report["file_bytes_a_candidate"] = report["file_bytes"] / candidates if candidates else None
    report["candidates_a_request"] = _distribution(counts.get("candidates_a_request", {}))
    return report


def _feature_auc(counted: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    aucs: dict[str, dict[str, float | None]] = {}
    for task, features in counted.items():
        aucs[task] = {name: feature_auc(found) for name, found in features.items()}
    return aucs


def _share(found: dict[str, int]) -> float | None:
    return found["changed"] / found["compared"] if found.get("compared") else None


def _cut_offs(cutoffs: CutOffs) -> dict[str, str]:
    times = {"validation_from": cutoffs.validation, "test_from": cutoffs.test}
    if cutoffs.start:
        times["train_from"] = cutoffs.start
    if cutoffs.until != NEVER:
        times["until"] = cutoffs.until
    return {name: to_iso(time) for name, time in times.items()}


def _distribution(counts: dict[str, int]) -> dict[str, Any]:
    """Mean and percentiles of a length, from how often each length occurs."""
    lengths = sorted((int(length), count) for length, count in counts.items())
    total = sum(count for _, count in lengths)
    if not total:
        return {}
    mean = sum(length * count for length, count in lengths) / total
    percentiles = {str(p): _percentile(lengths, p * total / 100) for p in _PERCENTILES}
    return {"mean": mean, "percentiles": percentiles}


def _percentile(lengths: list[tuple[int, int]], rank: float) -> int:
    """The smallest length that at least `rank` of all have; `lengths` has (length, count) pairs."""
    seen = 0
    for length, count in lengths:
        seen += count
        if seen >= rank:
            return length
    return lengths[-1][0]
