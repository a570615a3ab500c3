"""Labels: what became of a candidate, at once or within an attribution window."""

from __future__ import annotations

import numpy as np

from preprocessing.events import SortedEvents
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import ITEM
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Task
from preprocessing.splits import CutOffs, split_of
from preprocessing.tables import keyed_times


def labels(events: SortedEvents, task: Task) -> np.ndarray:
    """Whether each event, taken as a candidate, has the task's label: bool [E]."""
    holds = events.hold([task])
    if task.within is None:
        return holds
    return follows(_pairs(events), events.time, holds, task.within)


def follows(keys: np.ndarray, time: np.ndarray, holds: np.ndarray, within: int) -> np.ndarray:
    """Whether an event where `holds` has the same key and comes at an event's time or up to `within` after: bool [E].

    Args:
        keys: int [E], below 2 ** 29.
        time: int64 [E], seconds.
        holds: bool [E].
        within: Seconds.
    """
    found = np.sort(keyed_times(keys[holds], time[holds]))
    earliest = keyed_times(keys, time)
    latest = keyed_times(keys, time + within)
    return np.searchsorted(found, earliest, side="left") < np.searchsorted(found, latest, side="right")


def have_labels(spec: DatasetSpec, times: np.ndarray, request_times: np.ndarray, cutoffs: CutOffs) -> np.ndarray:
    """Whether candidates' attribution windows are over when their split ends: bool [C].

    A train candidate's label may not come from events at or after the validation cut-off, because a model that is
    trained at the cut-off couldn't have it; likewise for validation. A test candidate's must be in the log.

    Args:
        spec: Has the tasks.
        times: int64 [C], seconds: when the candidates were shown.
        request_times: int64 [C], the times of their requests, which give the split.
        cutoffs: Where time is cut.
    """
    if spec.attribution_window is None:
        return np.ones(len(times), bool)
    ends = np.array([cutoffs.start, cutoffs.validation, cutoffs.test, cutoffs.end, cutoffs.end])
    return times + spec.attribution_window < ends[1 + split_of(request_times, cutoffs)]


def _pairs(events: SortedEvents) -> np.ndarray:
    """A number for each event's user and item: int64 [E]."""
    item = events.strings[ITEM].codes
    order = np.lexsort((item, events.user))
    pairs = np.empty(len(order), np.int64)
    pairs[order] = np.cumsum(is_run_start(events.user[order], item[order]))
    return pairs
