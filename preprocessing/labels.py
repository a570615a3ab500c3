"""Labels: what became of a candidate, in its own event or within an attribution window."""

from __future__ import annotations

import numpy as np

from preprocessing.events import SortedEvents
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import ITEM
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Task
from preprocessing.splits import NEVER, CutOffs, label_deadline, split_of
from preprocessing.tables import TIME_BITS, keyed_times


def labels(events: SortedEvents, task: Task) -> np.ndarray:
    """Whether each event, taken as a candidate, has the task's label: bool [E]."""
    return positive_since(events, task) != NEVER


def positive_since(events: SortedEvents, task: Task) -> np.ndarray:
    """When it is first known that each event, taken as a candidate, has the task's label.

    With an attribution window that is the time of the first event that gives it the label.

    Returns:
        int64 [E], seconds; NEVER where it doesn't have the label.
    """
    holds = events.hold([task])
    if task.within is None:
        return np.where(holds, events.time, NEVER)
    # User, item and time as one number, so that the next one among those of positive events is that
    # of the next positive event of the same user and item, if they have one.
    pairs = _pairs(events)
    positive = np.sort(keyed_times(pairs[holds], events.time[holds]))
    positive = np.append(positive, np.iinfo(np.int64).max)
    own = keyed_times(pairs, events.time)
    following = positive[np.searchsorted(positive, own)]
    is_same_pair = following >> TIME_BITS == pairs
    delay = following - own
    in_window = is_same_pair & (delay <= task.within)
    return np.where(in_window, events.time + delay, NEVER)


def have_labels(
    spec: DatasetSpec, times: np.ndarray, request_times: np.ndarray, cutoffs: CutOffs
) -> np.ndarray:
    """Whether candidates' attribution windows are over when their split ends: bool [C].

    A train candidate's label may not come from events at or after the validation cut-off, because a
    model that is trained at the cut-off couldn't have it; likewise for validation. A test
    candidate's must be in the log.

    Args:
        spec: Has the tasks.
        times: int64 [C], seconds: when the candidates were shown.
        request_times: int64 [C], the times of their requests, which give the split.
        cutoffs: Where time is cut.
    """
    if spec.attribution_window is None:
        return np.ones(len(times), bool)
    deadlines = label_deadline(split_of(request_times, cutoffs), cutoffs)
    return times + spec.attribution_window < deadlines


def _pairs(events: SortedEvents) -> np.ndarray:
    """A number for each event's user and item: int64 [E]."""
    item = events.strings[ITEM].codes
    order = np.lexsort((item, events.user))
    pairs = np.empty(len(order), np.int64)
    pairs[order] = np.cumsum(is_run_start(events.user[order], item[order]))
    return pairs
