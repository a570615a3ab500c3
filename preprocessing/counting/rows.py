"""What shards of users send to shards of keys, and what these answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from preprocessing.event_features import EventFeatures
from preprocessing.events import SortedEvents
from preprocessing.frames import Frame
from preprocessing.sources.columns import KEY
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.exchange import KeyCounts, count_by_key, question_table, total_by_step
from preprocessing.statistics.keys import item_keys, key_features
from preprocessing.statistics.occurrences import Occurrences
from preprocessing.tables import from_bytes, partition, to_bytes

_NOBODY = -1  # who asks, of rows that tell what happened


class Rows(NamedTuple):
    """Some rows about keys of one shard.

    Attributes:
        statistic: Its name.
        asked_by: The shard of users that asks; _NOBODY where the rows tell what happened.
        rows: A table, see `exchange`.
    """

    statistic: str
    asked_by: int
    rows: bytes


class ShardRows:
    """What one shard of users did and what it asks.

    Args:
        spec: Declares the statistics.
        shard: Its number.
        events: All events of the shard's users.
        values: Their features.
        frame: The requests that become records; None asks nothing.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        shard: int,
        events: SortedEvents,
        values: EventFeatures,
        frame: Frame | None,
    ) -> None:
        self._spec = spec
        self._shard = shard
        self._events = events
        self._values = values
        self._frame = frame

    def by_key(self, shards: int) -> Iterator[tuple[int, Rows]]:
        """(shard of keys, rows) of every statistic that isn't a user's own."""
        for name, statistic in self._spec.features.statistics.items():
            if statistic.is_of_user(name):
                continue
            parts = key_features(self._spec, name)
            occurrences = Occurrences.of(self._spec, statistic, self._events)
            keys = item_keys(parts, self._values, occurrences.events)
            yield from _spread(
                name, _NOBODY, count_by_key(occurrences, keys, statistic.step), shards
            )
            if self._frame is not None:
                candidates = self._frame.candidates
                times = np.repeat(self._frame.times, candidates.lengths)
                wanted = item_keys(parts, self._values, candidates.flat()[1], times)
                question = question_table(wanted, times // statistic.step)
                yield from _spread(name, self._shard, question, shards)


def overall(spec: DatasetSpec, events: SortedEvents) -> Iterator[tuple[str, bytes]]:
    """(statistic, table) of what one shard's events did to all keys together."""
    for name, statistic in spec.features.statistics.items():
        yield name, to_bytes(total_by_step(Occurrences.of(spec, statistic, events), statistic.step))


class KeyShard:
    """All that happened to the keys of one shard, and all that is asked of them.

    Args:
        spec: Declares the statistics.
        rows: What shards of users sent.
    """

    def __init__(self, spec: DatasetSpec, rows: Iterable[Rows]) -> None:
        self._spec = spec
        self._asked: list[Rows] = []
        parts_by_statistic: dict[str, list[bytes]] = {}
        for part in sorted(rows):  # runners give them in any order
            if part.asked_by == _NOBODY:
                parts_by_statistic.setdefault(part.statistic, []).append(part.rows)
            else:
                self._asked.append(part)
        self._counts: dict[str, KeyCounts] = {}
        for name, parts in parts_by_statistic.items():
            table = from_bytes(parts)
            if table is not None:
                self._counts[name] = KeyCounts(table)

    def answers(self) -> Iterator[tuple[int, tuple[str, bytes]]]:
        """(shard of users, (statistic, table)) for each question about a statistic with counts."""
        for part in self._asked:
            question = from_bytes([part.rows])
            if question is not None and part.statistic in self._counts:
                statistic = self._spec.features.statistics[part.statistic]
                answer = self._counts[part.statistic].answer(question, statistic)
                yield part.asked_by, (part.statistic, to_bytes(answer))

    def at(self, time: int) -> Iterator[tuple[str, bytes]]:
        """(statistic, table) of all keys as a request at `time` would see them."""
        for name, counts in self._counts.items():
            statistic = self._spec.features.statistics[name]
            yield name, to_bytes(counts.at(time // statistic.step, statistic))


def _spread(name: str, asked_by: int, table: pa.Table, shards: int) -> Iterator[tuple[int, Rows]]:
    """The rows of a table by shard of their key, for every shard that has some."""
    for shard, (_, rows) in partition(table, name, KEY, shards):
        yield shard, Rows(name, asked_by, rows)
