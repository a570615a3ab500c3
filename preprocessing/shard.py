"""The records of some users: requests with histories, and pre-training windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.absent import absent_looking
from preprocessing.counts import Counts, count_lengths
from preprocessing.event_features import EventFeatures, Tables
from preprocessing.events import SortedEvents
from preprocessing.frames import Frame, FrameEncoder
from preprocessing.histories import AT_CUT_OFF, TOO_LONG, Ranges, is_run_start, windows
from preprocessing.idle_features import count_statistics
from preprocessing.leaks import JUDGED, LEARNT, checked_features
from preprocessing.popularity import count_labels
from preprocessing.request_frames import request_frame
from preprocessing.sources.columns import ITEM, JOINED, USER, source_of
from preprocessing.spec import DatasetSpec
from preprocessing.splits import REQUEST_SPLITS, CutOffs, split_of
from preprocessing.statistics.log_totals import LogTotals
from preprocessing.statistics.values import ShardStatistics
from preprocessing.tables import stable_hash

# Of every 20 users, by hash, one keeps its timeline for the validation of pre-training.
_USERS_A_HELD_OUT_ONE = 20
_HELD_OUT_SALT = 1


def window_frame(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs) -> Frame:
    """The pre-training windows of events before the validation cut-off, without candidates."""
    eligible = events.enter_history(spec.history) & (events.time < cutoffs.validation)
    history, start = windows(events.user, eligible, spec.history.length)
    last = history.events[history.stops - 1]
    users = events.strings[USER].take(last).strings()
    ids = pc.binary_join_element_wise("window", users, pa.array(start).cast(pa.string()), ":")
    nothing = np.zeros(len(last), np.int64)
    candidates = Ranges(nothing[:0], nothing, nothing)
    return Frame(
        request_ids=ids,
        anchors=last,
        times=events.time[last],
        history=history,
        candidates=candidates,
    )


class ShardRecords:
    """The records of a shard, and the counters of the data report about them.

    The counters of bytes are complete once the records have been iterated over.

    Args:
        spec: What records are made of.
        events: All events of the shard's users.
        tables: What is joined to them.
        cutoffs: Where time is cut.
        totals: What the whole log tells of the spec's statistics.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        events: SortedEvents,
        tables: Tables,
        cutoffs: CutOffs,
        totals: LogTotals | None = None,
    ) -> None:
        self._spec = spec
        self._events = events
        self._features = EventFeatures(spec, events, tables)
        counted = None
        if spec.features.statistics:
            counted = ShardStatistics(spec, events, self._features, totals or LogTotals())
        self._encoder = FrameEncoder(spec, events.user, self._features, counted)
        self.counts: Counts = Counter()
        self.counts["users",] = len(events.strings[USER].values)
        asked = request_frame(spec, events, cutoffs, tables.pool)
        splits = split_of(asked.frame.times, cutoffs)
        self._count_left_out(splits, split_of(asked.too_recent, cutoffs))
        self._frames: dict[str, Frame] = {}
        for place, name in enumerate(REQUEST_SPLITS):
            self._frames[name] = asked.frame.take(np.flatnonzero(splits == place))
        self._frames |= self._windows(window_frame(spec, events, cutoffs))
        self.counts["requests_cut", "at_cut_off"] += int((asked.cut == AT_CUT_OFF).sum())
        self.counts["requests_cut", "too_long"] += int((asked.cut == TOO_LONG).sum())
        for split, frame in self._frames.items():
            self._count(split, frame)
        self._count_joins()
        self._count_label_values()
        count_statistics(spec, events, cutoffs, self.counts)
        self._count_odd_ids()
        self._count_changes()
        self.counts["history_events", "all"] += len(events)
        self.counts["history_events", "entering"] += int(events.enter_history(spec.history).sum())

    def __iter__(self) -> Iterator[tuple[str, list[bytes]]]:
        """(split, serialised records), some at a time."""
        for split, frame in self._frames.items():
            for records in self._encoder.encode(frame):
                self.counts["splits", split, "bytes"] += sum(map(len, records))
                yield split, records

    def _windows(self, seen: Frame) -> dict[str, Frame]:
        hashes = stable_hash(self._events.strings[USER].values, _HELD_OUT_SALT)
        of_user = hashes % np.uint64(_USERS_A_HELD_OUT_ONE) == 0
        is_held_out = of_user[self._events.user[seen.anchors]]
        return {
            "pretrain": seen.take(np.flatnonzero(~is_held_out)),
            "pretrain_validation": seen.take(np.flatnonzero(is_held_out)),
        }

    def _count_left_out(self, splits: np.ndarray, too_recent: np.ndarray) -> None:
        self.counts["outside", "history_only"] += int((splits < 0).sum())
        self.counts["outside", "labels_only"] += int((splits >= len(REQUEST_SPLITS)).sum())
        for place, split in enumerate(REQUEST_SPLITS):
            self.counts["splits", split, "too_recent"] += int((too_recent == place).sum())

    def _count_joins(self) -> None:
        for table in JOINED:
            if getattr(self._spec, table) is not None:
                self.counts.update(self._features.match_counts(table))

    def _count_odd_ids(self) -> None:
        """Ids that look as if there were none."""
        for name in (USER, ITEM):
            column = self._events.strings[name]
            for value in absent_looking(column.values):
                code = column.values.index(value).as_py()
                self.counts["odd_ids", name, value] += int((column.codes == code).sum())

    def _count_changes(self) -> None:
        """How often item features of events change between an item's events."""
        for feature in checked_features(self._spec):
            if feature.side == "candidate" and source_of(self._spec, feature)[0] == "events":
                compared, changed = self._features.changes(feature)
                self.counts["item_changes", feature.name, "compared"] += compared
                self.counts["item_changes", feature.name, "changed"] += changed

    def _count_label_values(self) -> None:
        """What the columns of labels hold, where no event fulfils a label's condition."""
        for task, label in self._spec.tasks.items():
            if not self._events.hold([label]).any():
                for value, count in self._events.frequent_values(label).items():
                    self.counts["label_values", task, value] += count

    def _count_leaks(self, part: str, frame: Frame) -> None:
        """What each feature alone tells of each label; a request's features are its anchor's."""
        candidates = frame.candidates.flat()[1]
        lengths = frame.candidates.lengths
        times = np.repeat(frame.times, lengths)
        labels = {task: self._features.labels(task, candidates) > 0 for task in self._spec.tasks}
        for feature in checked_features(self._spec):
            if feature.is_list:
                buckets = self._features.buckets(feature, candidates, times)
            else:
                of_request = self._features.buckets(feature, frame.anchors, frame.times)
                buckets = np.repeat(of_request, lengths)
            for task, of_task in labels.items():
                prefix = ("feature_auc", task, feature.name, part)
                self.counts += count_labels(prefix, buckets, of_task)

    def _count(self, split: str, frame: Frame) -> None:
        # A request with many candidates has several records, one after the other.
        ids = frame.request_ids.dictionary_encode().indices.to_numpy()
        is_first = is_run_start(self._events.user[frame.anchors], ids)
        requests = int(is_first.sum())
        candidates = frame.candidates.flat()[1]
        sampled = int((candidates >= len(self._events)).sum())
        self.counts["splits", split, "records"] += len(frame)
        self.counts["splits", split, "requests"] += requests
        self.counts["splits", split, "candidates"] += len(candidates)
        self.counts["splits", split, "sampled"] += sampled
        training_events = self._features.training_events(candidates)
        for task in self._spec.tasks:
            labels = self._features.labels(task, candidates) > 0
            self.counts["splits", split, "positives", task] += int(labels.sum())
            if split in REQUEST_SPLITS and training_events is not None:
                prefix = ("splits", split, "popularity", task)
                self.counts += count_labels(prefix, training_events, labels)
        if split not in REQUEST_SPLITS:
            return
        self._count_leaks(LEARNT if split == "train" else JUDGED, frame)
        of_request = frame.candidates.lengths
        if len(frame):
            of_request = np.add.reduceat(of_request, np.flatnonzero(is_first))
        self.counts += count_lengths(("history_length",), frame.history.lengths[is_first])
        self.counts += count_lengths(("splits", split, "candidates_a_request"), of_request)
        if self._spec.negatives:
            wanted = self._spec.negatives.per_request * requests
            self.counts["splits", split, "missing_negatives"] += wanted - sampled
