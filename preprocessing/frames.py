"""Records before they are encoded: the events that each is made of, and their features."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from preprocessing import features as names
from preprocessing.encoding import Lists, encode_records
from preprocessing.event_features import EventFeatures
from preprocessing.features import Side, record_features
from preprocessing.histories import Ranges
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.values import Questions, ShardStatistics

_CHUNK_VALUES = 100_000
_CHUNK_RECORDS = 4096


@dataclasses.dataclass(frozen=True, kw_only=True)
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
            request_ids=self.request_ids.take(pa.array(rows)),
            anchors=self.anchors[rows],
            times=self.times[rows],
            history=self.history.take(rows),
            candidates=self.candidates.take(rows),
        )

    def chunks(self) -> Iterator[Frame]:
        """The same records in pieces, each with a bounded number of list values."""
        # Each record counts as a few values more than it has, so that a chunk of nearly empty
        # records has at most _CHUNK_RECORDS of them.
        own = _CHUNK_VALUES // _CHUNK_RECORDS
        values = np.cumsum(self.history.lengths + self.candidates.lengths + own)
        start = 0
        while start < len(self):
            done = values[start - 1] if start else 0
            full = int(np.searchsorted(values, done + _CHUNK_VALUES, side="right"))
            stop = max(start + 1, full)  # a record with more values than fit is a chunk of its own
            yield self.take(np.arange(start, stop))
            start = stop


class _Cells(NamedTuple):
    """The events that the values of a side's features are of, record by record.

    Attributes:
        offsets: int64 [R + 1], where each record's events begin and the last one's end.
        events: int64 [offsets[R]], their numbers.
        times: int64 [offsets[R]], seconds: as of when; None for the times of the events themselves.
    """

    offsets: np.ndarray
    events: np.ndarray
    times: np.ndarray | None


def _cells_by_side(frame: Frame) -> dict[Side, _Cells]:
    """Of all sides that records of requests have."""
    request = _Cells(np.arange(len(frame) + 1), frame.anchors, frame.times)
    behaviors = _Cells(*frame.history.flat(), times=None)
    times = np.repeat(frame.times, frame.candidates.lengths)
    candidates = _Cells(*frame.candidates.flat(), times=times)
    return {
        "request": request,
        "user": request,
        "context": request,
        "history": behaviors,
        "candidate": candidates,
        "label": candidates,
    }


class FrameEncoder:
    """Frames to serialised tf.Examples.

    Args:
        spec: Has the features of a record.
        users: int64 [E], the events' users.
        values: The features of events.
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
        self._users = users
        self._values = values
        self._statistics = statistics
        self._of_now = of_now

    def encode(self, frame: Frame) -> Iterator[list[bytes]]:
        """The frame's records, piece by piece."""
        for chunk in frame.chunks():
            yield self._encode(chunk)

    def _encode(self, frame: Frame) -> list[bytes]:
        cells = _cells_by_side(frame)
        # What is no feature of the events.
        known = {names.REQUEST_ID: frame.request_ids, names.TIMESTAMP: pa.array(frame.times)}
        known |= self._counted(frame)
        scalars: dict[str, pa.Array] = {}
        lists: dict[str, Lists] = {}
        for feature in self._features:
            if feature.side == "catalog":
                continue  # only the records of split `catalog` have it
            offsets, events, times = cells[feature.side]
            values = known.get(feature.name)
            if values is None:
                values = self._values(feature, events, times)
            if feature.is_list:
                lists[feature.name] = Lists(offsets, values)
            else:
                scalars[feature.name] = values
        return encode_records(self._features, len(frame), scalars, lists)

    def _counted(self, frame: Frame) -> dict[str, pa.Array]:
        """The statistics of users and of candidates, by feature name."""
        if self._statistics is None:
            return {}
        user = self._users[frame.anchors]
        lengths = frame.candidates.lengths
        candidates = frame.candidates.flat()[1]
        times = np.repeat(frame.times, lengths)
        of_user = Questions(user, frame.anchors, frame.times)
        by_side = {
            "user": of_user,
            "candidate": Questions(np.repeat(user, lengths), candidates, times),
        }
        counted: dict[str, pa.Array] = {}
        for side, questions in by_side.items():
            counted |= self._statistics([f for f in self._features if f.side == side], questions)
        if any(feature.name == names.USER_STATISTICS for feature in self._features):
            if self._of_now:
                counted[names.USER_STATISTICS] = self._statistics.of_users_items(of_user)
            else:
                counted[names.USER_STATISTICS] = pa.array([""] * len(frame))
        return counted
