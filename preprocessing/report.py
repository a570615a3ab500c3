"""The data report: counters of a run, added up, as one JSON document."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from preprocessing.conflicts import conflict_examples
from preprocessing.counted import Counted, CountedSplit
from preprocessing.counts import Counts
from preprocessing.idle_features import empty_features
from preprocessing.joins import joins_report, missing_examples
from preprocessing.leaks import feature_auc
from preprocessing.popularity import rules
from preprocessing.sources.zone_counts import zones_report
from preprocessing.spec import DatasetSpec
from preprocessing.splits import NEVER, CutOffs, TimeProfile, to_iso
from preprocessing.time_warnings import time_warnings

_PERCENTILES = (10, 25, 50, 75, 90, 99)


def data_report(spec: DatasetSpec, counts: Counts, cutoffs: CutOffs, profile: TimeProfile) -> str:
    """The report as JSON text.

    Args:
        spec: What was read.
        counts: The run's counters; Counted says which there are.
        cutoffs: Where time was cut.
        profile: When the events were.
    """
    counted = Counted.of(counts)
    report = {
        "dataset": spec.name,
        "rows": {table: {"rejected": {}} | of_table for table, of_table in counted.rows.items()},
        "bytes": counted.bytes,
        "first_event": to_iso(profile.first or 0),
        "last_event": to_iso(profile.last or 0),
        "warnings": time_warnings(profile, spec.events.time_format),
        "cut_offs": _cut_offs(cutoffs),
        "splits": {name: _split(spec, counted.split(name)) for name in counted.splits},
        "requests_outside_the_splits": {"history_only": 0, "labels_only": 0} | counted.outside,
        "requests_cut": {"at_cut_off": 0, "too_long": 0} | counted.requests_cut,
        "history_length": _distribution(counted.history_length),
        "history_events": {"all": 0, "entering": 0} | counted.history_events,
        "items": counted.items,
        "joins": joins_report(counted.joins, counted.missing_keys),
        "missing_examples": missing_examples(counted.missing_keys),
        "label_values": counted.label_values,
        "duplicate_keys": counted.duplicate_keys,
        "conflicting_keys": counted.conflicting_keys,
        "conflict_examples": conflict_examples(counted.conflict_examples),
        "users": counted.users,
        "odd_ids": counted.odd_ids,
        "item_changes": {name: _share(pairs) for name, pairs in counted.item_changes.items()},
        "zones": zones_report(counted.zones),
        "statistic_events": counted.statistic_events,
        "statistic_values": counted.statistic_values,
        "statistic_seen": counted.statistic_seen,
        "statistic_positives": counted.statistic_positives,
        "empty_features": empty_features(counted.feature_auc),
        "feature_auc": _feature_auc(counted.feature_auc),
    }
    return json.dumps(report, indent=2, sort_keys=True)


def _split(spec: DatasetSpec, counted: CountedSplit) -> dict[str, Any]:
    report = dataclasses.asdict(counted)
    popularity = report.pop("popularity")
    candidates = counted.candidates
    report["label_rate"] = {}
    if candidates:
        for task in spec.tasks:
            report["label_rate"][task] = counted.positives.get(task, 0) / candidates
    report["label_rules"] = {task: rules(of_task) for task, of_task in popularity.items()}
    report["bytes_a_candidate"] = counted.bytes / candidates if candidates else None
    report["file_bytes_a_candidate"] = counted.file_bytes / candidates if candidates else None
    report["candidates_a_request"] = _distribution(counted.candidates_a_request)
    return report


def _feature_auc(counted: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    aucs: dict[str, dict[str, float | None]] = {}
    for task, features in counted.items():
        aucs[task] = {name: feature_auc(found) for name, found in features.items()}
    return aucs


def _share(pairs: dict[str, int]) -> float | None:
    return pairs["changed"] / pairs["compared"] if pairs.get("compared") else None


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
