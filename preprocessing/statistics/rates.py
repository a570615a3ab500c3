"""The numbers that a request sees, made of counts: events, positives, smoothed rates, recency."""

from __future__ import annotations

import numpy as np

from preprocessing.durations import SECONDS_PER_DAY
from preprocessing.spec import DatasetSpec
from preprocessing.spec_statistics import Statistic, StatisticColumn

_NOT_RECENT = 10 * 365 * SECONDS_PER_DAY  # what happened so long ago might as well not have


def numbers(
    spec: DatasetSpec, statistic: Statistic, counts: np.ndarray, overall: np.ndarray
) -> list[np.ndarray]:
    """A statistic's columns, in the order of `Statistic.columns`.

    Args:
        spec: Has the tasks.
        statistic: Says which numbers there are.
        counts: int64 [Q, windows, Statistic.width], events, positives where they are counted, and
            as the last, where recency is, how many steps ago the last event was.
        overall: int64 [Q, 1 + tasks], events and positives of all keys together since the log
            began.

    Returns:
        float32 [Q] each.
    """
    tasks = tuple(spec.tasks)
    found = []
    for column in statistic.columns("", tasks):
        of_window = counts[:, statistic.windows.index(column.window)]
        number = _number(statistic, column, of_window, overall, tasks)
        found.append(number.astype(np.float32))
    return found


def _number(
    statistic: Statistic,
    column: StatisticColumn,
    counts: np.ndarray,
    overall: np.ndarray,
    tasks: tuple[str, ...],
) -> np.ndarray:
    """One column [Q] of the counts of its window [Q, Statistic.width]."""
    events = counts[:, 0]
    if column.count == "events":
        return events
    if column.count == "recency":
        return _recency(counts[:, -1] * statistic.step)
    task = 1 + tasks.index(column.task)
    positives = counts[:, task]
    if column.count == "positives":
        return positives
    mean = _mean(overall[:, 0], overall[:, task])
    return _rate(events, positives, mean, statistic.prior)


def _recency(seconds: np.ndarray) -> np.ndarray:
    """1 for what happened just now, 0 for what didn't happen, which has 0 seconds."""
    recency = 1.0 - np.log1p(np.minimum(seconds, _NOT_RECENT)) / np.log1p(_NOT_RECENT)
    return np.where(seconds > 0, recency, 0.0)


def _mean(events: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """The rate of all keys; it begins at 0.5, as if there had been a positive among two events."""
    return _share(positives + 1, events + 2)


def _rate(events: np.ndarray, positives: np.ndarray, mean: np.ndarray, prior: float) -> np.ndarray:
    return _share(positives + prior * mean, events + prior)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """At most 1: a window may have the positives of events that are older than it."""
    return np.minimum(part / whole, 1.0)
