"""A naive, quadratic account of statistics as of a time, to compare the job's with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from preprocessing.durations import seconds_of
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Task
from preprocessing.spec_statistics import ALL, Statistic, StatisticColumn
from tests.preprocessing.reference import holds, known_value, latest_row
from tests.testing import Record, Row

Log = Sequence[Row]


def reference_statistics(spec: DatasetSpec, log: Log, items: Log, record: Record) -> Record:
    """The statistics that a record should have, from the log, the item table and what else the
    record has."""
    expected: Record = {}
    time = record["timestamp"][0]
    user = record["user_id"][0]
    counted = {name: _counted(spec, name, log, items) for name in spec.features.statistics}
    for column in spec.statistic_columns("user"):
        found = _value(spec, column, counted[column.statistic], time, (user,))
        expected[f"user_{column.name}"] = [found]
    for column in spec.statistic_columns("candidate"):
        keys = spec.features.statistics[column.statistic].keys_of(column.statistic)
        values = []
        for place in range(len(record["candidate_item_id"])):
            key = [user if name == "user" else record[f"candidate_{name}"][place] for name in keys]
            values.append(_value(spec, column, counted[column.statistic], time, tuple(key)))
        expected[f"candidate_{column.name}"] = values
    return expected


class _Counted(NamedTuple):
    """An event, what it counts for, and for each task since when it is known to be a positive."""

    timestamp: int
    key: tuple[str, ...]
    positive_since: dict[str, int | None]


def _counted(spec: DatasetSpec, name: str, log: Log, items: Log) -> list[_Counted]:
    counted = []
    for event in log:
        if _counts(spec, spec.features.statistics[name], event):
            since = {task: _positive_since(label, log, event) for task, label in spec.tasks.items()}
            key = _key(spec, name, log, items, event)
            counted.append(_Counted(event["timestamp"], key, since))
    return counted


def _value(
    spec: DatasetSpec,
    column: StatisticColumn,
    counted: Sequence[_Counted],
    time: int,
    key: tuple[str, ...],
) -> float:
    statistic = spec.features.statistics[column.statistic]
    end = time // statistic.step * statistic.step
    begin = 0 if column.window == ALL else end - seconds_of(column.window)
    own = [event for event in counted if "" not in key and event.key == key]
    events = sum(begin <= event.timestamp < end for event in own)
    if column.count == "events":
        return events
    if column.count == "recency":
        times = [event.timestamp for event in own if begin <= event.timestamp < end]
        if not times:
            return 0.0
        last_step = max(times) // statistic.step * statistic.step
        return 1 - math.log1p(end - last_step) / math.log1p(10 * 365 * 24 * 3600)
    since = [event.positive_since[column.task] for event in own]
    positives = sum(begin <= moment < end for moment in since if moment is not None)
    if column.count == "positives":
        return positives
    everything = sum(event.timestamp < end for event in counted)
    all_since = [event.positive_since[column.task] for event in counted]
    all_positives = sum(moment < end for moment in all_since if moment is not None)
    mean = min((all_positives + 1) / (everything + 2), 1.0)
    return min((positives + statistic.prior * mean) / (events + statistic.prior), 1.0)


def _counts(spec: DatasetSpec, statistic: Statistic, event: Row) -> bool:
    return holds(spec.candidates.where if statistic.where is None else statistic.where, event)


def _key(spec: DatasetSpec, name: str, log: Log, items: Log, event: Row) -> tuple[str, ...]:
    """What the event counts for, by what was known when it happened."""
    parts = spec.features.statistics[name].keys_of(name)
    return tuple(_part(spec, part, log, items, event) for part in parts)


def _part(spec: DatasetSpec, part: str, log: Log, items: Log, event: Row) -> Any:
    if part == "user":
        return event["user_id"]
    if part == "item_id":
        return event["item_id"]
    feature: Any = spec.features.item[part]
    column = feature.column or part
    if feature.table == "events":
        return known_value(list(log), column, event, event["timestamp"])
    return latest_row(items, "item_id", event["item_id"], event["timestamp"]).get(column, "")


def _positive_since(task: Task, log: Log, event: Row) -> int | None:
    if task.within is None:
        return event["timestamp"] if holds([task], event) else None
    until = event["timestamp"] + task.within
    later = []
    for other in log:
        is_of_both = all(other[key] == event[key] for key in ("user_id", "item_id"))
        is_in_time = event["timestamp"] <= other["timestamp"] <= until
        if is_of_both and is_in_time and holds([task], other):
            later.append(other["timestamp"])
    return min(later, default=None)
