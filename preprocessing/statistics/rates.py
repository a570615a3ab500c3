"""The numbers that a request sees, made of counts: events, positives and smoothed rates."""

from __future__ import annotations

import numpy as np

from preprocessing.spec import DatasetSpec
from preprocessing.spec_statistics import Statistic


def numbers(
    spec: DatasetSpec, statistic: Statistic, counts: np.ndarray, overall: np.ndarray
) -> list[np.ndarray]:
    """A statistic's columns, in the order of `Statistic.columns`.

    Args:
        spec: Has the tasks.
        statistic: Says which numbers there are.
        counts: int64 [Q, windows, 1 + tasks], events and positives; without positives [Q, windows,
            1].
        overall: int64 [Q, 1 + tasks], events and positives of all keys together since the log
            began.

    Returns:
        float32 [Q] each.
    """
    columns = []
    for window in range(len(statistic.windows)):
        events = counts[:, window, 0]
        for count in statistic.counts:
            if count == "events":
                columns.append(events)
                continue
            for task in range(1, 1 + len(spec.tasks)):
                positives = counts[:, window, task]
                if count == "rate":
                    mean = _mean(overall[:, 0], overall[:, task])
                    positives = _rate(events, positives, mean, statistic.prior)
                columns.append(positives)
    return [column.astype(np.float32) for column in columns]


def _mean(events: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """The rate of all keys; it begins at 0.5, as if there had been a positive among two events."""
    return _share(positives + 1, events + 2)


def _rate(events: np.ndarray, positives: np.ndarray, mean: np.ndarray, prior: float) -> np.ndarray:
    return _share(positives + prior * mean, events + prior)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """At most 1: a window may have the positives of events that are older than it."""
    return np.minimum(part / whole, 1.0)
