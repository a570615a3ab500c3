"""Requests as frames: grouped events, candidates that have labels, sampled negatives, histories."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.events import SortedEvents
from preprocessing.frames import Frame
from preprocessing.histories import Ranges, cut, histories, keep, requests
from preprocessing.labels import have_labels
from preprocessing.negatives import ItemPool, MetItems, request_hashes, sample
from preprocessing.sources.columns import ITEM, REQUEST, USER
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Negatives
from preprocessing.splits import CutOffs


@dataclasses.dataclass(frozen=True)
class Requests:
    """The requests of a shard that have candidates.

    Attributes:
        frame: Their records, each with at most `candidates.max_per_request` candidates.
        too_recent: int64, the request times of the candidates that were left out, having no label yet.
    """

    frame: Frame
    too_recent: np.ndarray


def request_frame(spec: DatasetSpec, events: SortedEvents, cutoffs: CutOffs, pool: ItemPool | None = None) -> Requests:
    """Groups events into requests.

    Args:
        spec: Says which events are candidates, and what their labels are.
        events: All events of some users.
        cutoffs: Where time is cut.
        pool: The items that negatives are drawn from, if the spec wants them.
    """
    grouped = requests(events.user, events.time, events.request)
    first_events = grouped.events[grouped.starts]
    times = events.time[first_events]
    asked = np.empty(len(events), np.int64)
    asked[grouped.flat()[1]] = np.repeat(times, grouped.lengths)
    shown = events.hold(spec.candidates.where)
    labelled = have_labels(spec, events.time, asked, cutoffs)
    candidates = keep(grouped, shown & labelled)
    ids = _request_ids(events, first_events, times)
    if spec.negatives is not None and pool is not None:
        candidates = _with_negatives(spec.negatives, pool, events, shown, candidates, ids)
    row, pieces = cut(candidates, spec.candidates.max_per_request)
    history = histories(events.user, events.time, events.hold(spec.history.where), spec.history.length)
    anchors = candidates.events[candidates.starts[row]]
    frame = Frame(ids.take(pa.array(row)), anchors, times[row], history.take(first_events[row]), pieces)
    return Requests(frame, asked[shown & ~labelled])


def _with_negatives(
    negatives: Negatives,
    pool: ItemPool,
    events: SortedEvents,
    shown: np.ndarray,
    candidates: Ranges,
    ids: pa.Array,
) -> Ranges:
    """The candidates of each request that has some, followed by its sampled items, numbered after the events."""
    place = pool.places(events.strings[ITEM].values)[events.strings[ITEM].codes]
    met = MetItems.of(events.user[shown], place[shown], events.time[shown], len(pool))
    rows = np.flatnonzero(candidates.lengths)
    lasts = candidates.events[candidates.stops[rows] - 1]
    user, by = events.user[lasts], _latest(events.time, candidates, rows)
    users = events.strings[USER].take(lasts).strings()
    drawn = np.full((len(candidates.lengths), negatives.per_request), -1)
    drawn[rows] = sample(negatives, pool, request_hashes(users, ids.take(pa.array(rows))), met, user, by)
    return _append(candidates, np.where(drawn < 0, -1, drawn + len(events)))


def _latest(time: np.ndarray, candidates: Ranges, rows: np.ndarray) -> np.ndarray:
    if not len(rows):
        return rows
    offsets, flat = candidates.take(rows).flat()
    return np.maximum.reduceat(time[flat], offsets[:-1])


def _append(ranges: Ranges, added: np.ndarray) -> Ranges:
    """Each list, followed by the numbers in its row of `added` [R, K] that aren't negative."""
    offsets, flat = ranges.flat()
    row = np.append(np.repeat(np.arange(len(added)), ranges.lengths), np.repeat(np.arange(len(added)), added.shape[1]))
    numbers = np.append(flat, added.ravel())
    order = np.argsort(row, kind="stable")
    order = order[numbers[order] >= 0]
    stops = np.cumsum(ranges.lengths + (added >= 0).sum(axis=1))
    return Ranges(numbers[order], np.append(0, stops[:-1]) if len(stops) else stops, stops)


def _request_ids(events: SortedEvents, first_events: np.ndarray, times: np.ndarray) -> pa.Array:
    users = events.strings[USER].take(first_events).strings()
    made = pc.binary_join_element_wise(users, pa.array(times).cast(pa.string()), ":")
    if REQUEST not in events.strings:
        return made
    given = events.strings[REQUEST].take(first_events).strings()
    return pc.if_else(pc.equal(given, ""), made, given)
