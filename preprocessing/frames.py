"""Records before they are encoded: which events each one is made of, and the features of those events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from preprocessing import features as names
from preprocessing.encoding import Lists, encode_records
from preprocessing.event_features import EventFeatures
from preprocessing.features import RecordFeature, record_features
from preprocessing.histories import Ranges
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.values import Asking, ShardStatistics

_CHUNK_VALUES = 100_000
_CHUNK_RECORDS = 4096


@dataclasses.dataclass(frozen=True)
class Frame:
    """R records as event numbers.

    Attributes:
        request_ids: Strings [R].
        anchors: int64 [R], the event that gives user and context features.
        times: int64 [R], seconds: the time of the request.
        history: R lists of events, oldest first.
        candidates: R lists of events. Numbers from the number of events on are sampled items, which
            `EventFeatures` knows.
    """

    request_ids: pa.Array
    anchors: np.ndarray
    times: np.ndarray
    history: Ranges
    candidates: Ranges

    def __len__(self) -> int:
        return len(self.anchors)

    def take(self, rows: np.ndarray) -> Frame:
        """Some of the records."""
        return Frame(
            self.request_ids.take(pa.array(rows)),
            self.anchors[rows],
            self.times[rows],
            self.history.take(rows),
            self.candidates.take(rows),
        )

    def chunks(self) -> Iterator[Frame]:
        """The same records in pieces that have a bounded number of list values, however long the lists are."""
        values = np.cumsum(
            self.history.lengths + self.candidates.lengths + _CHUNK_VALUES // _CHUNK_RECORDS
        )
        start = 0
        while start < len(self):
            done = values[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(values, done + _CHUNK_VALUES, side="right")))
            yield self.take(np.arange(start, stop))
            start = stop


class FrameEncoder:
    """Frames to serialised tf.Examples.

    Args:
        spec: Has the features of a record.
        users: int64 [E], the events' users.
        values: Their features.
        statistics: What the spec counts; None if it counts nothing.
        of_now: Whether records are of users as of now, and so have `user_statistics`.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        users: np.ndarray,
        values: EventFeatures,
        statistics: ShardStatistics | None = None,
        of_now: bool = False,
    ) -> None:
        self._features = record_features(spec)
        self._users, self._values, self._statistics, self._of_now = (
            users,
            values,
            statistics,
            of_now,
        )

    def encode(self, frame: Frame) -> Iterator[list[bytes]]:
        """The frame's records, some at a time."""
        for chunk in frame.chunks():
            yield self._encode(chunk)

    def _encode(self, frame: Frame) -> list[bytes]:
        offsets, history = frame.history.flat()
        lists = {
            f.name: self._lists(f, offsets, history, None)
            for f in self._features
            if f.side == "history"
        }
        offsets, candidates = frame.candidates.flat()
        asked = np.repeat(frame.times, frame.candidates.lengths)
        counted = self._counted(frame)
        for feature in self._features:
            if feature.name in counted and feature.is_list:
                lists[feature.name] = Lists(offsets, counted[feature.name])
            elif feature.side in ("candidate", "label"):
                lists[feature.name] = self._lists(feature, offsets, candidates, asked)
        scalars = {names.REQUEST_ID: frame.request_ids, names.TIMESTAMP: pa.array(frame.times)}
        scalars |= {
            feature.name: counted[feature.name]
            for feature in self._features
            if feature.name in counted
        }
        for feature in self._features:
            if feature.name not in scalars and not feature.is_list:
                scalars[feature.name] = self._values(feature, frame.anchors, frame.times)
        return encode_records(self._features, len(frame), scalars, lists)

    def _counted(self, frame: Frame) -> dict[str, pa.Array]:
        """The statistics of users and of candidates, by feature name."""
        if self._statistics is None:
            return {}
        user = self._users[frame.anchors]
        lengths = frame.candidates.lengths
        of_user = Asking(user, frame.anchors, frame.times)
        of_candidate = Asking(
            np.repeat(user, lengths), frame.candidates.flat()[1], np.repeat(frame.times, lengths)
        )
        by_side = {"user": of_user, "candidate": of_candidate}
        counted: dict[str, pa.Array] = {}
        for side, asking in by_side.items():
            counted |= self._statistics([f for f in self._features if f.side == side], asking)
        if any(feature.name == names.USER_STATISTICS for feature in self._features):
            nothing = pa.array([""] * len(frame))
            counted[names.USER_STATISTICS] = (
                self._statistics.of_users_items(of_user) if self._of_now else nothing
            )
        return counted

    def _lists(
        self,
        feature: RecordFeature,
        offsets: np.ndarray,
        events: np.ndarray,
        times: np.ndarray | None,
    ) -> Lists:
        return Lists(offsets, self._values(feature, events, times))
