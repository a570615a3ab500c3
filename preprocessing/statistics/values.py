"""The statistics of a shard's requests: users' own, and those that shards of keys have answered."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from preprocessing.event_features import EventFeatures
from preprocessing.events import SortedEvents
from preprocessing.features import RecordFeature
from preprocessing.histories import repeat_ranges
from preprocessing.spec import DatasetSpec
from preprocessing.spec_statistics import Statistic
from preprocessing.statistics.exchange import STEP, amounts_of
from preprocessing.statistics.keys import codes_in, distinct, item_keys, key_features
from preprocessing.statistics.log_totals import LogTotals
from preprocessing.statistics.occurrences import Occurrences
from preprocessing.statistics.rates import numbers
from preprocessing.statistics.step_counts import StepCounts
from preprocessing.statistics.users_items import user_line


@dataclasses.dataclass(frozen=True)
class Questions:
    """Q questions: who asks, about which candidate, and when.

    Attributes:
        users: int64 [Q], codes of users.
        events: int64 [Q], numbers of events or of sampled items.
        times: int64 [Q], seconds.
    """

    users: np.ndarray
    events: np.ndarray
    times: np.ndarray


class ShardStatistics:
    """Values of statistics by record feature.

    Args:
        spec: Declares them.
        events: All events of the shard's users.
        values: The features of events, which make keys.
        totals: What the whole log tells the shard.
    """

    def __init__(
        self, spec: DatasetSpec, events: SortedEvents, values: EventFeatures, totals: LogTotals
    ) -> None:
        self._spec = spec
        self._values = values
        self._totals = totals
        self._events = events
        self._own: dict[str, _OwnCounts] = {}
        self._overall = {name: self._overall_counts(name) for name in spec.features.statistics}

    def __call__(self, features: list[RecordFeature], questions: Questions) -> dict[str, pa.Array]:
        """The values of some features, float32 [Q] each, by feature name."""
        found: dict[str, pa.Array] = {}
        columns: dict[str, dict[str, pa.Array]] = {}
        for feature in features:
            if feature.statistic is None:
                continue
            statistic = feature.statistic.statistic
            if statistic not in columns:
                columns[statistic] = self._columns(statistic, questions)
            found[feature.name] = columns[statistic][feature.statistic.name]
        return found

    def of_users_items(self, questions: Questions) -> pa.Array:
        """What is counted of each user and items together: strings [Q], see `users_items.py`."""
        lines: list[list[str]] = [[] for _ in range(len(questions.users))]
        for name in self._spec.statistics_of_users_items:
            statistic = self._spec.features.statistics[name]
            rows, keys = self._own_counts(name).met_by(questions.users)
            stops = questions.times[rows] // statistic.step
            counts = self._own_counts(name).before(questions.users[rows], keys, stops)
            overall = self._overall_before(name, stops)
            values = np.stack(numbers(self._spec, statistic, counts, overall), axis=1)
            row_of = rows.tolist()
            key_of = keys.to_pylist()
            for place in np.flatnonzero(counts.any(axis=(1, 2))).tolist():
                lines[row_of[place]].append(user_line(name, key_of[place], values[place]))
        return pa.array(["\n".join(of_user) for of_user in lines], pa.string())

    def _columns(self, name: str, questions: Questions) -> dict[str, pa.Array]:
        statistic = self._spec.features.statistics[name]
        stops = questions.times // statistic.step
        counts = self._counts(name, statistic, questions, stops)
        found = numbers(self._spec, statistic, counts, self._overall_before(name, stops))
        columns: dict[str, pa.Array] = {}
        for number, column in enumerate(statistic.columns(name, tuple(self._spec.tasks))):
            columns[column.name] = pa.array(found[number])
        return columns

    def _counts(
        self, name: str, statistic: Statistic, questions: Questions, stops: np.ndarray
    ) -> np.ndarray:
        """What was counted before some steps: int64 [Q, windows, Statistic.width]."""
        parts = key_features(self._spec, name)
        keys = item_keys(parts, self._values, questions.events, questions.times) if parts else None
        if statistic.is_of_user(name) and len(stops):
            return self._own_counts(name).before(questions.users, keys, stops)
        if name not in self._totals.answers or keys is None:
            width = statistic.width(len(self._spec.tasks))
            return np.zeros((len(stops), len(statistic.windows), width), np.int64)
        return self._totals.answers[name].before(keys, stops)

    def _own_counts(self, name: str) -> _OwnCounts:
        if name not in self._own:
            self._own[name] = _OwnCounts(self._spec, name, self._events, self._values)
        return self._own[name]

    def _overall_counts(self, name: str) -> StepCounts:
        """What happened to all keys together, under key 0."""
        table = self._totals.overall.get(name)
        steps = np.zeros(0, np.int64) if table is None else table.column(STEP).to_numpy()
        width = self._spec.features.statistics[name].summed(len(self._spec.tasks))
        amounts = np.zeros((0, width), np.int64) if table is None else amounts_of(table)
        return StepCounts(np.zeros(len(steps), np.int64), steps, amounts)

    def _overall_before(self, name: str, stops: np.ndarray) -> np.ndarray:
        """What had happened to all keys together before some steps: int64 [Q, 1 + tasks]."""
        return self._overall[name].before(np.zeros_like(stops), stops, [None])[:, 0]


class _OwnCounts:
    """What users did, alone or to each key of items."""

    def __init__(
        self, spec: DatasetSpec, name: str, events: SortedEvents, values: EventFeatures
    ) -> None:
        self._statistic = spec.features.statistics[name]
        occurrences = Occurrences.of(spec, self._statistic, events)
        parts = key_features(spec, name)
        keys = item_keys(parts, values, occurrences.events) if parts else None
        self._items = distinct(keys) if keys is not None else None
        pairs = self._pairs(events.user[occurrences.events], keys)
        self._known = np.unique(pairs[pairs >= 0])
        places = np.where(pairs < 0, -1, np.searchsorted(self._known, pairs))
        self._counts = StepCounts(*occurrences.by_step(places, self._statistic.step))

    def before(self, users: np.ndarray, keys: pa.Array | None, stops: np.ndarray) -> np.ndarray:
        """See StepCounts; int64 [Q, windows, columns]."""
        pairs = self._pairs(users, keys)
        places = np.searchsorted(self._known, pairs)
        is_known = np.append(self._known, -1)[places] == pairs
        # One past the last place has no counts.
        places = np.where(is_known & (pairs >= 0), places, len(self._known))
        statistic = self._statistic
        return self._counts.before(places, stops, statistic.steps_a_window, statistic.recency)

    def met_by(self, users: np.ndarray) -> tuple[np.ndarray, pa.Array]:
        """The keys of items that each user did something to.

        Returns:
            The row of `users` of each, int64 [K], ascending, and the keys, strings [K].
        """
        assert self._items is not None
        low = np.searchsorted(self._known, users * len(self._items))
        high = np.searchsorted(self._known, (users + 1) * len(self._items))
        pairs = self._known[repeat_ranges(low, high)]
        rows = np.repeat(np.arange(len(users)), high - low)
        return rows, self._items.take(pa.array(pairs % max(len(self._items), 1)))

    def _pairs(self, users: np.ndarray, keys: pa.Array | None) -> np.ndarray:
        """A number for each pair of user and key; -1 for a key that is absent or nobody met.

        The user's own code where the statistic counts by user alone.
        """
        if keys is None or self._items is None:
            return users
        codes = codes_in(self._items, keys)
        return np.where(codes < 0, -1, users * len(self._items) + codes)
