"""Requests as frames: grouped events, candidates that have labels, sampled negatives, histories."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.activity import ItemPool
from preprocessing.events import SortedEvents
from preprocessing.frames import Frame
from preprocessing.histories import FIRST, Ranges, cut, histories, keep, requests
from preprocessing.labels import have_labels
from preprocessing.negatives import MetItems, request_hashes, sample
from preprocessing.sources.columns import ITEM, REQUEST, USER
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs, split_of


@dataclasses.dataclass(frozen=True)
class Requests:
    """The requests of a shard that have candidates.

    Attributes:
        frame: Their records, each with at most `candidates.max_per_request` candidates.
        too_recent: int64, the request times of the candidates that were left out, having no label
            yet.
        cut: int64, why each request with candidates begins, as from `histories.requests`.
    """

    frame: Frame
    too_recent: np.ndarray
    cut: np.ndarray


def request_frame(
    spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs, pool: ItemPool | None = None
) -> Requests:
    """Groups events into requests.

    Args:
        spec: Says which events are candidates, and what their labels are.
        events: All events of some users.
        cutoffs: Where time is cut.
        pool: The items that negatives are drawn from, if the spec wants them.
    """
    split = split_of(events.time, cutoffs)
    grouped, why = requests(
        events.user, events.time, events.request, split, spec.events.request_span
    )
    first_events = grouped.events[grouped.starts]
    times = events.time[first_events]
    # The time of each event's request.
    asked = np.empty(len(events), np.int64)
    asked[grouped.flat()[1]] = np.repeat(times, grouped.lengths)
    shown = events.are_candidates(spec.candidates)
    labelled = have_labels(spec, events.time, asked, cutoffs)
    candidates = keep(grouped, shown & labelled)
    ids = _request_ids(events, first_events, times, why)
    if spec.negatives is not None and pool is not None:
        candidates = _with_negatives(
            candidates,
            wanted=spec.negatives.per_request,
            pool=pool,
            events=events,
            shown=shown,
            ids=ids,
            times=times,
        )
    row, pieces = cut(candidates, spec.candidates.max_per_request)
    history = histories(
        events.user, events.time, events.enter_history(spec.history), spec.history.length
    )
    anchors = candidates.events[candidates.starts[row]]
    frame = Frame(
        request_ids=ids.take(pa.array(row)),
        anchors=anchors,
        times=times[row],
        history=history.take(first_events[row]),
        candidates=pieces,
    )
    return Requests(frame, asked[shown & ~labelled], why[candidates.lengths > 0])


def _with_negatives(
    candidates: Ranges,
    *,
    wanted: int,
    pool: ItemPool,
    events: SortedEvents,
    shown: np.ndarray,
    ids: pa.Array,
    times: np.ndarray,
) -> Ranges:
    """Appends sampled items to the candidates of each request that has any.

    Sampled items are numbered after the events, as `EventFeatures` has them.
    """
    place = pool.places(events.strings[ITEM].values)[events.strings[ITEM].codes]
    met = MetItems.of(events.user[shown], place[shown], events.time[shown], len(pool))
    rows = np.flatnonzero(candidates.lengths)
    lasts = candidates.events[candidates.stops[rows] - 1]
    users = events.strings[USER].take(lasts).strings()
    hashes = request_hashes(users, ids.take(pa.array(rows)))
    drawn = np.full((len(candidates.lengths), wanted), -1)
    drawn[rows] = sample(
        wanted,
        pool,
        hashes,
        met,
        user=events.user[lasts],
        times=times[rows],
        by=_latest(events.time, candidates, rows),
    )
    return _append(candidates, np.where(drawn < 0, -1, drawn + len(events)))


def _latest(time: np.ndarray, candidates: Ranges, rows: np.ndarray) -> np.ndarray:
    """The time of the latest candidate of some requests, none of which is empty: int64."""
    if not len(rows):
        return rows
    offsets, flat = candidates.take(rows).flat()
    return np.maximum.reduceat(time[flat], offsets[:-1])


def _append(ranges: Ranges, added: np.ndarray) -> Ranges:
    """Each list, followed by the numbers in its row of `added` [R, K] that aren't negative."""
    _, flat = ranges.flat()
    # Old and new entries with the list that each belongs to; a stable sort puts the new ones last.
    lists = np.arange(len(added))
    row = np.append(np.repeat(lists, ranges.lengths), np.repeat(lists, added.shape[1]))
    numbers = np.append(flat, added.ravel())
    order = np.argsort(row, kind="stable")
    order = order[numbers[order] >= 0]
    lengths = ranges.lengths + (added >= 0).sum(axis=1)
    stops = np.cumsum(lengths)
    return Ranges(numbers[order], stops - lengths, stops)


def _request_ids(
    events: SortedEvents, first_events: np.ndarray, times: np.ndarray, why: np.ndarray
) -> pa.Array:
    """The log's request ids, or where it has none, the user and the time.

    A request that begins because another one with its id was cut has its time in its id as well.
    """
    users = events.strings[USER].take(first_events).strings()
    seconds = pa.array(times).cast(pa.string())
    made = pc.binary_join_element_wise(users, seconds, ":")
    if REQUEST not in events.strings:
        return made
    given = events.strings[REQUEST].take(first_events).strings()
    longer = pc.binary_join_element_wise(given, seconds, ":")
    given = pc.if_else(pa.array(why == FIRST), given, longer)
    has_no_id = pa.array(events.request[first_events] < 0)  # type: ignore[index]
    return pc.if_else(has_no_id, made, given)
