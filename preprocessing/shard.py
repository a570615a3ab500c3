"""From the events of some users to their records: requests with histories, and pre-training windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.frames import EventFeatures, Frame
from preprocessing.histories import Ranges, cut, histories, is_run_start, keep, requests, windows
from preprocessing.sources.columns import REQUEST, USER
from preprocessing.spec import DatasetSpec
from preprocessing.splits import REQUEST_SPLITS, CutOffs, split_of
from preprocessing.tables import stable_hash

# Of every 20 users, by hash, one keeps its timeline for the validation of pre-training.
_USERS_A_HELD_OUT_ONE = 20
_HELD_OUT_SALT = 1


def request_frame(spec: DatasetSpec, events: SortedEvents) -> Frame:
    """The requests that have candidates, cut into records of at most `candidates.max_per_request`."""
    grouped = requests(events.user, events.time, events.request)
    candidates = keep(grouped, events.hold(spec.candidates.where))
    row, pieces = cut(candidates, spec.candidates.max_per_request)
    first_events = grouped.events[grouped.starts]
    history = histories(events.user, events.time, events.hold(spec.history.where), spec.history.length)
    times = events.time[first_events]
    ids = _request_ids(events, first_events, times)
    anchors = candidates.events[candidates.starts[row]]
    return Frame(ids.take(pa.array(row)), anchors, times[row], history.take(first_events[row]), pieces)


def window_frame(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs) -> Frame:
    """The pre-training windows: history-eligible events before the validation cut-off, without candidates."""
    eligible = events.hold(spec.history.where) & (events.time < cutoffs.validation)
    history, start = windows(events.user, eligible, spec.history.length)
    last = history.events[history.stops - 1]
    users = events.strings[USER].take(last).strings()
    ids = pc.binary_join_element_wise("window", users, pa.array(start).cast(pa.string()), ":")
    nothing = np.zeros(len(last), np.int64)
    return Frame(ids, last, events.time[last], history, Ranges(nothing[:0], nothing, nothing))


def frames_by_split(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs) -> dict[str, Frame]:
    """All records of the shard, by split."""
    asked = request_frame(spec, events)
    splits = split_of(asked.times, cutoffs)
    frames = {name: asked.take(np.flatnonzero(splits == place)) for place, name in enumerate(REQUEST_SPLITS)}
    seen = window_frame(spec, events, cutoffs)
    held_out = stable_hash(events.strings[USER].values, _HELD_OUT_SALT) % np.uint64(_USERS_A_HELD_OUT_ONE) == 0
    is_held_out = held_out[events.user[seen.anchors]]
    frames["pretrain"] = seen.take(np.flatnonzero(~is_held_out))
    frames["pretrain_validation"] = seen.take(np.flatnonzero(is_held_out))
    return frames


class ShardRecords:
    """The records of a shard, and what there is to report about them once they have been read."""

    def __init__(
        self,
        spec: DatasetSpec,
        events: SortedEvents,
        items: EntityTable | None,
        users: EntityTable | None,
        cutoffs: CutOffs,
    ) -> None:
        self._spec = spec
        self._user = events.user
        self._features = EventFeatures(spec, events, items, users)
        self._frames = frames_by_split(spec, events, cutoffs)
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.counts["users",] = len(events.strings[USER].values)

    def __iter__(self) -> Iterator[tuple[str, list[bytes]]]:
        """(split, serialised records), some at a time."""
        for split, frame in self._frames.items():
            self._count(split, frame)
            for records in self._features.encode(frame):
                self.counts["splits", split, "bytes"] += sum(map(len, records))
                yield split, records

    def _count(self, split: str, frame: Frame) -> None:
        ids = frame.request_ids.dictionary_encode().indices.to_numpy()
        is_first = is_run_start(self._user[frame.anchors], ids)  # a long request has several records
        self.counts["splits", split, "records"] += len(frame)
        self.counts["splits", split, "requests"] += int(is_first.sum())
        self.counts["splits", split, "candidates"] += int(frame.candidates.lengths.sum())
        candidates = frame.candidates.flat()[1]
        for task in self._spec.tasks:
            self.counts["splits", split, "positives", task] += int(self._features.labels(task)[candidates].sum())
        if split in REQUEST_SPLITS:
            for length, count in enumerate(np.bincount(frame.history.lengths[is_first]).tolist()):
                self.counts["history_length", str(length)] += count


def _request_ids(events: SortedEvents, first_events: np.ndarray, times: np.ndarray) -> pa.Array:
    users = events.strings[USER].take(first_events).strings()
    made = pc.binary_join_element_wise(users, pa.array(times).cast(pa.string()), ":")
    if REQUEST not in events.strings:
        return made
    given = events.strings[REQUEST].take(first_events).strings()
    return pc.if_else(pc.equal(given, ""), made, given)
