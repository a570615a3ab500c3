"""The events that a statistic counts, and when they turn positive."""

from __future__ import annotations

import dataclasses

import numpy as np

from preprocessing.events import SortedEvents
from preprocessing.labels import positive_since
from preprocessing.spec import DatasetSpec
from preprocessing.spec_statistics import Statistic
from preprocessing.splits import NEVER


@dataclasses.dataclass(frozen=True)
class Occurrences:
    """The events that a statistic counts.

    Attributes:
        events: int64 [C], their numbers.
        since: int64 [C, 1 + tasks], seconds: from when on each counts as an event, and as a
            positive of each task; NEVER where it doesn't.
    """

    events: np.ndarray
    since: np.ndarray

    @classmethod
    def of(cls, spec: DatasetSpec, statistic: Statistic, events: SortedEvents) -> Occurrences:
        """Finds them among the events of some users, which must be all that there are of each."""
        numbers = counted_events(spec, statistic, events)
        since = [events.time[numbers]]
        if statistic.has_positives:
            since += [positive_since(events, task)[numbers] for task in spec.tasks.values()]
        return cls(numbers, np.stack(since, axis=1))

    def by_step(self, keys: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A row for each key, step and column in which something happened.

        Args:
            keys: int64 [C], of the events; negative ones are left out.
            step: Its length, seconds.

        Returns:
            Keys [rows], steps [rows] and amounts [rows, columns], as StepCounts takes them.
        """
        row, column = np.nonzero((self.since != NEVER) & (keys >= 0)[:, None])
        amounts = np.zeros((len(row), self.since.shape[1]), np.int64)
        amounts[np.arange(len(row)), column] = 1
        return keys[row], self.since[row, column] // step, amounts


def counted_events(spec: DatasetSpec, statistic: Statistic, events: SortedEvents) -> np.ndarray:
    """The numbers of the events that a statistic counts: int64 [C]."""
    conditions = statistic.conditions(spec.candidates.where)
    return np.flatnonzero(events.hold(conditions) & ~events.is_listed)
