"""Requests, histories strictly before them, and pre-training windows, as index arithmetic.

Pure functions of NumPy arrays. Events are sorted by user, then time; E events, R requests.
Histories and windows are half-open ranges of positions among the *eligible* events (those that may
enter a history), in event order.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from preprocessing.tables import keyed_times


@dataclasses.dataclass(frozen=True)
class Ranges:
    """Lists as ranges of one shared index array.

    Attributes:
        events: int64, event numbers that the ranges select from.
        starts: int64 [R], first position in `events` of each list.
        stops: int64 [R], one past the last position.
    """

    events: np.ndarray
    starts: np.ndarray
    stops: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64 [R]."""
        return self.stops - self.starts

    def take(self, rows: np.ndarray) -> Ranges:
        """The lists of some rows."""
        return Ranges(self.events, self.starts[rows], self.stops[rows])

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """All lists joined: their offsets [R + 1], and the event number of each element."""
        offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        return offsets, self.events[repeat_ranges(self.starts, self.stops)]


def repeat_ranges(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """arange(starts[0], stops[0]), arange(starts[1], stops[1]), ... as one array."""
    lengths = stops - starts
    offsets = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(starts - offsets, lengths)


def run_starts(*keys: np.ndarray) -> np.ndarray:
    """The position, for each element, where its run of equal keys starts: int64 [E]."""
    changes = is_run_start(*keys)
    return np.maximum.accumulate(np.where(changes, np.arange(len(changes)), 0))


def is_run_start(*keys: np.ndarray) -> np.ndarray:
    """Whether an element differs from the one before in any key: bool [E]."""
    changes = np.ones(len(keys[0]), bool)
    if len(changes):
        changes[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return changes


def is_run_end(*keys: np.ndarray) -> np.ndarray:
    """Whether an element differs from the one after it in any key: bool [E]."""
    starts = is_run_start(*keys)
    return np.append(starts[1:], True)[: len(starts)]  # of no elements, none


def run_stops(starts: np.ndarray, size: int) -> np.ndarray:
    """One past the last element of each run of `size` elements, from where the runs start."""
    return np.append(starts[1:], size)[: len(starts)]  # of no runs, none


def histories(user: np.ndarray, time: np.ndarray, eligible: np.ndarray, length: int) -> Ranges:
    """The history at each event: the user's latest eligible events strictly before its time.

    Args:
        user: int [E], sorted.
        time: int64 [E], seconds, sorted within a user.
        eligible: bool [E].
        length: The most events that a history has.

    Returns:
        E ranges of at most `length` eligible events, oldest first.
    """
    before = np.cumsum(eligible) - eligible  # how many eligible events come before each event
    # An event at the same time may not be seen: a history stops where the run of its time starts.
    stops = before[run_starts(user, time)]
    starts = np.maximum(before[run_starts(user)], stops - length)
    return Ranges(np.flatnonzero(eligible), starts, stops)


# Why a request begins: its id (or time) comes for the first time, a cut-off of time comes between
# it and what went before under its id, or that would have lasted too long with it.
FIRST = 0
AT_CUT_OFF = 1
TOO_LONG = 2


def requests(
    user: np.ndarray,
    time: np.ndarray,
    request: np.ndarray | None,
    split: np.ndarray | None = None,
    span: int | None = None,
) -> tuple[Ranges, np.ndarray]:
    """Groups events into requests: those of one user with one request id, or else at one time.

    Events of one id are several requests where a cut-off of time comes between them, or where they
    are too far apart.

    Args:
        user: int [E], sorted.
        time: int64 [E], seconds, sorted within a user.
        request: int [E], the log's request ids as numbers, negative where an event has none; None
            if none has.
        split: int [E], the split that each event's time is in, ascending within a user; None if
            time isn't cut.
        span: The longest time from a request's first event to its last, seconds; None if there is
            no limit.

    Returns:
        R ranges, ordered by their first event, and why each begins: int64 [R]. Within a request,
        events keep their order, so its first event is its earliest and gives the request's time.
    """
    if request is None:
        request = np.full(len(user), -1)
    if split is None:
        split = np.zeros(len(user), np.int64)
    # Only events without a request id are told apart by their time.
    instant = np.where(request < 0, time, 0)
    order = np.lexsort((split, instant, request, user))
    of_request = (user[order], request[order], instant[order])
    firsts = np.flatnonzero(is_run_start(*of_request))
    parts = np.flatnonzero(is_run_start(*of_request, split[order]))
    late = np.zeros(0, np.int64) if span is None else _too_late(time[order], parts, span)
    starts = np.concatenate([parts, late])
    why_parts = np.where(np.isin(parts, firsts), FIRST, AT_CUT_OFF)
    why = np.concatenate([why_parts, np.full(len(late), TOO_LONG)])
    by_start = np.argsort(starts)
    starts = starts[by_start]
    why = why[by_start]
    stops = run_stops(starts, len(order))
    by_first_event = np.argsort(order[starts])
    return Ranges(order, starts[by_first_event], stops[by_first_event]), why[by_first_event]


def _too_late(time: np.ndarray, starts: np.ndarray, span: int) -> np.ndarray:
    """Where runs of ascending times are cut so that none lasts longer than `span`.

    Args:
        time: int64 [E], seconds.
        starts: int64, where runs begin.
        span: Seconds.
    """
    stops = run_stops(starts, len(time))
    is_long = time[stops - 1] - time[starts] > span
    begin = starts[is_long]
    end = stops[is_long]
    if not len(begin):
        return begin
    run = np.repeat(np.arange(len(starts)), stops - starts)
    keyed = keyed_times(run, time)
    found = []
    # All long runs at once: each round cuts every run that is still too long one time.
    while len(begin):
        begin = np.searchsorted(keyed, keyed_times(run[begin], time[begin] + span), side="right")
        is_inside = begin < end
        begin = begin[is_inside]
        end = end[is_inside]
        found.append(begin)
    return np.concatenate(found)


def keep(ranges: Ranges, mask: np.ndarray) -> Ranges:
    """Leaves out the events where `mask`, bool [E], is false; lists may become empty."""
    kept = mask[ranges.events]
    # Where each event stands, and where the last one stops, once the others are left out.
    position = np.concatenate([[0], np.cumsum(kept)])
    return Ranges(ranges.events[kept], position[ranges.starts], position[ranges.stops])


def cut(ranges: Ranges, size: int) -> tuple[np.ndarray, Ranges]:
    """Cuts each list into pieces of at most `size`; an empty list has no pieces.

    Returns:
        The number of the list that each piece comes from, and the pieces in order.
    """
    pieces = -(-ranges.lengths // size)  # rounded up
    row = np.repeat(np.arange(len(pieces)), pieces)
    starts = ranges.starts[row] + size * repeat_ranges(np.zeros_like(pieces), pieces)
    return row, Ranges(ranges.events, starts, np.minimum(starts + size, ranges.stops[row]))


def windows(user: np.ndarray, eligible: np.ndarray, length: int) -> tuple[Ranges, np.ndarray]:
    """Cuts each user's eligible events into windows of `length`, counted back from the latest.

    Args:
        user: int [E], sorted.
        eligible: bool [E]; false for events at or after the training cut-off.
        length: Events per window; a user's earliest window may have fewer, but no window has fewer
            than two.

    Returns:
        The windows, in event order, and for each the number of its user's eligible events before
        it.
    """
    events = np.flatnonzero(eligible)
    firsts = np.flatnonzero(is_run_start(user[events]))
    counts = np.diff(np.append(firsts, len(events)))
    pieces = -(-counts // length)  # rounded up
    row = np.repeat(np.arange(len(firsts)), pieces)
    # How many windows of the same user come after each.
    back = pieces[row] - 1 - repeat_ranges(np.zeros_like(pieces), pieces)
    stops = firsts[row] + counts[row] - back * length
    starts = np.maximum(stops - length, firsts[row])
    useful = stops - starts >= 2
    return Ranges(events, starts[useful], stops[useful]), (starts - firsts[row])[useful]
