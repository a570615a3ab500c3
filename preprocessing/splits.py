"""Where time is cut, by times or by fractions of the events, and the split of each request."""

from __future__ import annotations

import dataclasses
import datetime
import time
from typing import NamedTuple

import numpy as np

from preprocessing.durations import SECONDS_PER_HOUR, to_text
from preprocessing.errors import DataError
from preprocessing.spec_records import FractionSplit, Split, TimeSplit

NEVER = 2**62
_FEW = 0.01  # of all events: so many after now have wrong clocks; more, and the log is made up
REQUEST_SPLITS = ("train", "validation", "test")
WINDOW_SPLITS = ("pretrain", "pretrain_validation")  # of users' timelines


class CutOffs(NamedTuple):
    """Seconds since 1970 UTC.

    Attributes:
        validation: Requests at or after it are for validation; what is learnt from the log ends
            before it.
        test: Requests at or after it are for test.
        start: Events before it are history only.
        until: Events at or after it are labels only.
        end: The first second that the log doesn't cover; see `TimeProfile.end`.
        begin: The first one that it covers.
    """

    validation: int
    test: int
    start: int = 0
    until: int = NEVER
    end: int = NEVER
    begin: int = 0


@dataclasses.dataclass(frozen=True)
class TimeProfile:
    """How many events there are in each hour.

    Attributes:
        hours: int64 [H], hours since 1970 UTC that have events, ascending.
        counts: int64 [H], their events.
        lasts: int64 [H], seconds since 1970 of the latest event of each.
        first: The earliest event's seconds since 1970; None without events.
    """

    hours: np.ndarray
    counts: np.ndarray
    lasts: np.ndarray
    first: int | None = None

    @property
    def last(self) -> int | None:
        """The latest event's seconds since 1970; None without events."""
        return int(self.lasts[-1]) if len(self.lasts) else None

    @classmethod
    def empty(cls) -> TimeProfile:
        """The profile of no events."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing)

    @classmethod
    def of(cls, times: np.ndarray) -> TimeProfile:
        """The profile of events at `times`, int64 seconds [E]."""
        if not len(times):
            return cls.empty()
        times = np.sort(times)
        hours, begins, counts = np.unique(
            times // SECONDS_PER_HOUR, return_index=True, return_counts=True
        )
        return cls(hours, counts, times[begins + counts - 1], int(times[0]))

    @classmethod
    def merge(cls, profiles: list[TimeProfile]) -> TimeProfile:
        """The profile of all their events."""
        filled = [profile for profile in profiles if len(profile.hours)]
        if not filled:
            return cls.empty()
        hours, places = np.unique(np.concatenate([p.hours for p in filled]), return_inverse=True)
        counts = np.zeros(len(hours), np.int64)
        np.add.at(counts, places, np.concatenate([p.counts for p in filled]))
        lasts = hours * SECONDS_PER_HOUR
        np.maximum.at(lasts, places, np.concatenate([p.lasts for p in filled]))
        first = min(p.first for p in filled if p.first is not None)
        return cls(hours, counts, lasts, first)

    def are_late(self, now: int) -> np.ndarray:
        """Which hours begin after `now`, seconds since 1970: bool [H]."""
        return self.hours * SECONDS_PER_HOUR > now

    def end(self, now: int | None = None) -> int:
        """The first second after the log's events, of which there must be some.

        A few events after now have wrong clocks and don't count: one of them would make all that
        is counted in a window before the log's end nothing. How many those are is told by hours,
        so that of an hour that now is in, its events after now don't move the end beyond now.

        Args:
            now: Seconds since 1970; None asks the clock.
        """
        assert self.last is not None
        now = int(time.time()) if now is None else now
        are_late = self.are_late(now)
        if self.counts[are_late].sum() > _FEW * self.counts.sum():
            return self.last + 1
        return min(int(self.lasts[~are_late][-1]), now) + 1


def cut_offs(
    profile: TimeProfile, split: Split, window: int | None = None, now: int | None = None
) -> CutOffs:
    """The cut-offs of a log.

    Args:
        profile: When its events are.
        split: How to cut.
        window: The longest attribution window, in seconds.
        now: See `TimeProfile.end`.

    Raises:
        DataError: the log is empty, no event comes before the validation cut-off, or validation or
            test is no longer than the attribution window, so that none of its candidates has a
            label.
    """
    if profile.first is None or profile.last is None:
        raise DataError("the log has no usable event: every row was rejected, or there were none.")
    found = _by_fraction(profile, split) if isinstance(split, FractionSplit) else _by_time(split)
    found = found._replace(begin=profile.first, end=profile.end(now))
    if profile.first >= found.validation:
        raise DataError(
            f"no event comes before split.validation_from, {to_iso(found.validation)}, so there is "
            f"nothing to train on. The log runs from {to_iso(profile.first)} to "
            f"{to_iso(profile.last)}."
        )
    if window is not None:
        _check_window(found, window)
    return found


def split_of(times: np.ndarray, cutoffs: CutOffs) -> np.ndarray:
    """The split of requests at `times`, as indices into REQUEST_SPLITS; -1 before, 3 after them."""
    bounds = np.array([cutoffs.start, cutoffs.validation, cutoffs.test, cutoffs.until])
    return np.searchsorted(bounds, times, side="right") - 1


def label_deadline(splits: np.ndarray, cutoffs: CutOffs) -> np.ndarray:
    """By when the label of a request's candidates must be known, seconds since 1970.

    Args:
        splits: The requests' splits, as from `split_of`.
        cutoffs: Where time is cut.
    """
    before, after = -1, len(REQUEST_SPLITS)
    deadlines = {
        before: cutoffs.start,
        REQUEST_SPLITS.index("train"): cutoffs.validation,
        REQUEST_SPLITS.index("validation"): cutoffs.test,
        REQUEST_SPLITS.index("test"): cutoffs.end,
        after: cutoffs.end,
    }
    return np.select([splits == split for split in deadlines], list(deadlines.values()))


def to_iso(seconds: int) -> str:
    """A time for people, such as 1998-03-23T02:00:00+00:00."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()


def _by_time(split: Split) -> CutOffs:
    if not isinstance(split, TimeSplit):
        raise ValueError(
            "spans have no times until a newest one is chosen: use preprocessing.rolling.at_span"
        )
    return CutOffs(
        validation=int(split.validation_from.timestamp()),
        test=int(split.test_from.timestamp()),
        start=int(split.train_from.timestamp()) if split.train_from else 0,
        until=int(split.until.timestamp()) if split.until else NEVER,
    )


def _check_window(found: CutOffs, window: int) -> None:
    lasts = {"validation": found.test - found.validation, "test": found.end - found.test}
    for split, seconds in lasts.items():
        if seconds <= window:
            raise DataError(
                f"the {split} split lasts {to_text(seconds)}, no longer than the attribution "
                f"window of {to_text(window)} (tasks.*.within), so that no candidate in it has a "
                f"label yet. Make the split longer or the window shorter."
            )


def _by_fraction(profile: TimeProfile, split: FractionSplit) -> CutOffs:
    """Cuts at full hours, where the share of earlier events comes nearest to the fractions."""
    if len(profile.hours) < 3:
        raise DataError(
            f"no event comes before the cut-off: split cuts time at full hours, and the events "
            f"fall in {len(profile.hours)} different hour(s), from {to_iso(profile.first or 0)} to "
            f"{to_iso(profile.last or 0)}, where training, validation and test need one each. "
            f"Is events.timestamp_unit right?"
        )
    before = (np.cumsum(profile.counts) - profile.counts) / profile.counts.sum()
    # Each split gets at least one hour.
    validation = 1 + int(np.argmin(np.abs(before[1:-1] - (1 - split.validation - split.test))))
    test = validation + 1 + int(np.argmin(np.abs(before[validation + 1 :] - (1 - split.test))))
    return CutOffs(
        validation=int(profile.hours[validation]) * SECONDS_PER_HOUR,
        test=int(profile.hours[test]) * SECONDS_PER_HOUR,
    )
