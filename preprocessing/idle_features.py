"""Statistics that can never count, and features without a value: what a config has in vain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from preprocessing.condition_text import held, wanted
from preprocessing.counts import Counts
from preprocessing.events import SortedEvents
from preprocessing.features import feature_name
from preprocessing.spec import DatasetSpec

_ABSENT = "0"  # see leaks.buckets_of


def count_statistics(spec: DatasetSpec, events: SortedEvents, counts: Counts) -> None:
    """Adds up how many events of a shard the `where` of each statistic lets in.

    Where it lets in none, what the columns of its conditions hold is counted, too.
    """
    for name, statistic in spec.features.statistics.items():
        if statistic.where is None:
            continue
        counted = int((events.hold(statistic.where) & ~events.is_listed).sum())
        counts["statistic_events", name] += counted
        for condition in () if counted else statistic.where:
            for value, count in events.frequent_values(condition).items():
                counts["statistic_values", name, condition.column, value] += count


def empty_features(counted: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """The features of candidates and requests that have no value in any request.

    Args:
        counted: The counters `feature_auc`: by task, feature, part of the log, and whether the
            label holds, how often each bucket occurs.
    """
    buckets: dict[str, set[str]] = {}
    for by_feature in counted.values():
        for name, by_part in by_feature.items():
            of_feature = buckets.setdefault(name, set())
            for by_label in by_part.values():
                for by_bucket in by_label.values():
                    of_feature.update(bucket for bucket, count in by_bucket.items() if count)
    return sorted(name for name, found in buckets.items() if found == {_ABSENT})


def idle_findings(spec: DatasetSpec, report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Problems and warnings."""
    problems: list[str] = []
    for name, events in report["statistic_events"].items():
        if not events:
            problems.append(_never(spec, name, report["statistic_values"].get(name, {})))
    empty = set(report["empty_features"])
    for name, statistic in spec.features.statistics.items():
        for key in statistic.item_keys(name):
            if feature_name("candidate", key) in empty:
                problems.append(
                    f"statistic {name} never counts: it counts by {key}, which no candidate has a "
                    f"value of. Mend the column, or leave the statistic out."
                )
    warnings: list[str] = []
    for name, match in spec.features.match.items():
        for field in match.fields_of(name):
            if feature_name("candidate", field) in empty:
                warnings.append(
                    f"match {name} never finds anything: it compares {field}, which no candidate "
                    f"has a value of. Mend the column, or leave the match out."
                )
    for name in sorted(empty):
        warnings.append(f"feature {name} has no value in any request: nothing is learnt from it.")
    return problems, warnings


def _never(spec: DatasetSpec, name: str, values: Mapping[str, Mapping[str, int]]) -> str:
    """That no event fulfils a statistic's `where`, and what its columns hold."""
    conditions = spec.features.statistics[name].where or ()
    wants = " and ".join(f"{condition.column} {wanted(condition)}" for condition in conditions)
    found = [f"The column {column} holds {held(values[column])}." for column in sorted(values)]
    return f"statistic {name} never counts: no event has {wants}. {' '.join(found)}"
