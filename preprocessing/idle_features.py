"""Statistics that can never count, and features without a value: what a config has in vain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from preprocessing.condition_text import held, wanted
from preprocessing.counts import Counts
from preprocessing.durations import to_text
from preprocessing.events import SortedEvents
from preprocessing.features import feature_name
from preprocessing.labels import positive_since
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.statistics.occurrences import counted_events

_ABSENT = "0"  # see leaks.buckets_of
_OF_POSITIVES = {"positives", "rate"}


def count_statistics(
    spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs, counts: Counts
) -> None:
    """Adds up how many events of a shard each statistic counts, and how many of them requests see.

    Where its `where` lets in none, what the columns of its conditions hold is counted, too.
    """
    since: dict[str, np.ndarray] = {}
    for name, statistic in spec.features.statistics.items():
        counted = counted_events(spec, statistic, events)
        counts["statistic_events", name] += len(counted)
        for condition in statistic.where or () if not len(counted) else ():
            for value, count in events.frequent_values(condition).items():
                counts["statistic_values", name, condition.column, value] += count
        # A request sees the steps before its own, and none comes later than this.
        last_request = min(cutoffs.end, cutoffs.until) - 1
        seen_before = last_request // statistic.step * statistic.step
        counts["statistic_seen", name] += int((events.time[counted] < seen_before).sum())
        for task, label in spec.tasks.items() if statistic.has_positives else ():
            if task not in since:
                since[task] = positive_since(events, label)
            positives = int((since[task][counted] < seen_before).sum())
            counts["statistic_positives", name, task] += positives


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
    problems, warnings = _statistic_findings(spec, report)
    empty = set(report["empty_features"])
    for name, statistic in spec.features.statistics.items():
        for key in statistic.item_keys(name):
            if feature_name("candidate", key) in empty:
                problems.append(
                    f"statistic {name} never counts: it counts by {key}, which no candidate has a "
                    f"value of. Mend the column, or leave the statistic out."
                )
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


def _statistic_findings(
    spec: DatasetSpec, report: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Problems and warnings of what statistics count, whichever their keys are."""
    problems: list[str] = []
    warnings: list[str] = []
    # That the others never hold is told elsewhere.
    holding = [task for task in spec.tasks if _holds(report, task)]
    for name, statistic in spec.features.statistics.items():
        # Without candidates splits have no request, which is told, too.
        if not report["statistic_events"].get(name):
            if statistic.where is not None:
                problems.append(_never(spec, name, report["statistic_values"].get(name, {})))
            continue
        if not report["statistic_seen"].get(name):
            problems.append(
                f"statistic {name} never counts: a request sees the steps that were over before "
                f"it, and all events that count are in the last step of {to_text(statistic.step)} "
                f"of the log, which runs from {report['first_event']} to {report['last_event']}. "
                f"Make `step` shorter, or leave the statistic out."
            )
            continue
        positives = report["statistic_positives"].get(name, {})
        without = [task for task in holding if statistic.has_positives and not positives.get(task)]
        if not without:
            continue
        why = f"of the events that it counts none is a positive of {' or '.join(without)}"
        if set(statistic.counts) <= _OF_POSITIVES and without == holding:
            problems.append(f"statistic {name} never counts: {why}. Leave it out.")
        else:
            warnings.append(f"statistic {name} has numbers that are always 0: {why}.")
    return problems, warnings


def _holds(report: Mapping[str, Any], task: str) -> bool:
    """Whether a task holds for any candidate."""
    return any(split["positives"].get(task) for split in report["splits"].values())


def _never(spec: DatasetSpec, name: str, values: Mapping[str, Mapping[str, int]]) -> str:
    """That no event fulfils a statistic's `where`, and what its columns hold."""
    conditions = spec.features.statistics[name].where or ()
    wants = " and ".join(f"{condition.column} {wanted(condition)}" for condition in conditions)
    found = [f"The column {column} holds {held(values[column])}." for column in sorted(values)]
    return f"statistic {name} never counts: no event has {wants}. {' '.join(found)}"
