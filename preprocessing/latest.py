"""The records of users as of now, and the events that must be kept to make the next ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.event_features import EventFeatures, Tables
from preprocessing.events import SortedEvents
from preprocessing.frames import Frame, FrameEncoder
from preprocessing.histories import Ranges, is_run_start, run_stops
from preprocessing.sources.columns import USER
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.log_totals import LogTotals
from preprocessing.statistics.values import ShardStatistics

_NUMBER = "number among equals"


def latest_frame(spec: DatasetSpec, events: SortedEvents, as_of: int | None = None) -> Frame:
    """A record per user, in the order of their ids, with the latest history and no candidates.

    Args:
        spec: The dataset spec.
        events: Events of any number of users.
        as_of: Seconds since 1970, the time of all the requests, after every event; None takes, for
            each user, the second after the last event.
    """
    first = np.flatnonzero(is_run_start(events.user))
    last = run_stops(first, len(events)) - 1
    times = events.time[last] + 1 if as_of is None else np.full(len(last), as_of)
    users = events.strings[USER].take(last).strings()
    nothing = np.zeros(len(last), np.int64)
    return Frame(
        request_ids=pc.binary_join_element_wise("now", users, ":"),
        anchors=last,
        times=times,
        history=_histories(spec, events, first, last),
        candidates=Ranges(nothing[:0], nothing, nothing),
    )


def user_records(
    spec: DatasetSpec,
    events: SortedEvents,
    tables: Tables,
    as_of: int | None = None,
    totals: LogTotals | None = None,
) -> list[tuple[str, bytes]]:
    """The ids of the events' users, each with its record as of now: a serialised tf.Example.

    Args:
        spec: The dataset spec.
        events: The users' events.
        tables: What is joined to them.
        as_of: As for `latest_frame`.
        totals: What the whole log tells of the spec's statistics.
    """
    frame = latest_frame(spec, events, as_of)
    ids = events.strings[USER].take(frame.anchors).strings().to_pylist()
    values = EventFeatures(spec, events, tables)
    counted = None
    if spec.features.statistics:
        counted = ShardStatistics(spec, events, values, totals or LogTotals())
    records: list[bytes] = []
    for some in FrameEncoder(spec, events.user, values, counted, of_now=True).encode(frame):
        records += some
    return list(zip(ids, records, strict=True))


def compact(spec: DatasetSpec, table: pa.Table) -> pa.Table:
    """The events that the next records of users may need.

    These are each user's last event, and the latest ones that enter the history. Where the spec
    counts by user, also all events that a window of statistics may reach: with `all`, every event.
    """
    events = SortedEvents.from_table(table)
    frame = latest_frame(spec, events)
    kept = np.zeros(len(events), bool)
    kept[frame.history.flat()[1]] = True
    kept[frame.anchors] = True
    kept |= _may_count(spec, events, events.time[frame.anchors])
    return events.take(np.flatnonzero(kept)).to_table().select(table.column_names)


def _may_count(spec: DatasetSpec, events: SortedEvents, lasts: np.ndarray) -> np.ndarray:
    """Whether a statistic of a later request may count each event: bool [E].

    Args:
        spec: Declares the statistics.
        events: The users' events.
        lasts: int64 [U], seconds: when each user's last event was.
    """
    window = spec.attribution_window or 0
    reach = 0
    for name, statistic in spec.features.statistics.items():
        if statistic.is_of_user(name):
            reach = max(reach, statistic.reaches_back(window))
    if not reach:
        return np.zeros(len(events), bool)
    return events.time >= lasts[events.user] - reach


def union(tables: Sequence[pa.Table]) -> pa.Table:
    """The events of several tables, in order of user and time, without what comes twice.

    Equal rows of one table are events of their own, as in the job on a log. A row that comes again
    in another table is the same event, delivered twice.
    """
    events = SortedEvents.from_table(pa.concat_tables(map(_numbered, tables)))
    distinct = events.take(np.flatnonzero(events.is_distinct()))
    return distinct.to_table().select(tables[0].column_names)


def _numbered(table: pa.Table) -> pa.Table:
    """The events, each with its number among those that are equal."""
    events = SortedEvents.from_table(table)
    places = np.arange(len(events))
    # The first of the equal events that each belongs to.
    starts = np.maximum.accumulate(np.where(events.is_distinct(), places, 0))
    return events.to_table().append_column(_NUMBER, pa.array(places - starts))


def _histories(
    spec: DatasetSpec, events: SortedEvents, first: np.ndarray, last: np.ndarray
) -> Ranges:
    """Each user's latest eligible events, the last one included.

    Args:
        spec: Says which events are eligible, and how many a history has.
        events: E events of U users.
        first: int64 [U], each user's first event.
        last: int64 [U], each user's last event.
    """
    eligible = events.enter_history(spec.history)
    before = np.concatenate([[0], np.cumsum(eligible)])
    stops = before[last + 1]
    starts = np.maximum(before[first], stops - spec.history.length)
    return Ranges(np.flatnonzero(eligible), starts, stops)
