"""How a spec declares statistics: how often something happened before a request, and its rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pydantic

from preprocessing.conditions import CountsWith
from preprocessing.config import Config, is_saved
from preprocessing.durations import (
    FORM,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    Duration,
    seconds_of,
    to_text,
)
from preprocessing.spec_match import ITEM_ID
from preprocessing.spec_records import Condition

USER = "user"
_FOREVER = 2**40  # seconds; no log is longer
_LONGEST_LOG = 100 * 365 * SECONDS_PER_DAY  # seconds
ALL = "all"
Count = Literal["events", "positives", "rate", "recency"]
_DEFAULT_COUNTS: tuple[Count, ...] = ("events", "positives", "rate")


def _window(value: Any) -> str:
    if value == ALL:
        return ALL
    if not isinstance(value, str):
        raise ValueError(f"{FORM}, or all")
    seconds = seconds_of(value)
    if not seconds:
        raise ValueError("a window is longer than nothing: a multiple of step, or all")
    return to_text(seconds)


Window = Annotated[str, pydantic.BeforeValidator(_window)]


@dataclasses.dataclass(frozen=True)
class StatisticColumn:
    """One number of a statistic.

    Attributes:
        statistic: The name of the statistic.
        window: Such as `7d`, or `all`.
        count: What the number is.
        task: Whose positives it counts; "" for events and recency.
    """

    statistic: str
    window: str
    count: Count
    task: str

    @property
    def name(self) -> str:
        """The feature's name without its side."""
        if self.count == "recency":
            return f"{self.statistic}_recency"
        what = {"events": "events", "positives": self.task, "rate": f"{self.task}_rate"}[self.count]
        return f"{self.statistic}_{self.window}_{what}"


class Statistic(Config):
    """How many events a key had, how many were positive, at which smoothed rate, and how long ago.

    A request sees the steps of time that were complete when it was made: nothing at or after the
    beginning of its own step counts. A positive counts from the moment that makes it one, which
    with a task's `within` comes after the event.

    Attributes:
        of: What is counted apart, by default what the statistic's own name says: `user`, `item_id`,
            or item features with one word. Of several, each combination has its own numbers.
        where: Which events count; by default those that are candidates.
        counts: Which numbers there are: `events`, for each task `positives` and `rate`, and
            `recency`. A rate is drawn to that of all keys together, as if `prior` more events had
            had it. Recency is one number, of the last event within the longest window: 1 just now,
            less the longer ago, on a logarithmic scale, and 0 without any event.
        windows: How far back is counted: lengths of time that are multiples of `step`, or `all`.
        step: How often the numbers change, UTC.
        prior: See `counts`.
    """

    of: tuple[str, ...] = ()
    where: tuple[Condition, ...] | None = None
    counts: Annotated[tuple[Count, ...], pydantic.Field(min_length=1)] = _DEFAULT_COUNTS
    windows: Annotated[tuple[Window, ...], pydantic.Field(min_length=1)] = ("1d", "7d", "28d", ALL)
    step: Annotated[Duration, pydantic.Field(ge=1)] = SECONDS_PER_HOUR
    prior: Annotated[float, CountsWith("rate"), pydantic.Field(gt=0, allow_inf_nan=False)] = 10.0

    @pydantic.model_validator(mode="after")
    def _check(self, info: pydantic.ValidationInfo) -> Statistic:
        for option in ("of", "counts", "windows"):
            values = getattr(self, option)
            if len(set(values)) < len(values):
                raise ValueError(f"{option} names something twice. Received: {', '.join(values)}")
        if self.step > _LONGEST_LOG and not is_saved(info):
            raise ValueError(
                f"no log is as long as a step, and a request sees only those that are over: make "
                f"step shorter. Received: {to_text(self.step)}"
            )
        for window in self.windows:
            if window != ALL and seconds_of(window) % self.step:
                raise ValueError(
                    f"a window is a multiple of step, which is {to_text(self.step)}, because "
                    f"counts are kept by step. Received: {window}"
                )
            if window != ALL and seconds_of(window) > _LONGEST_LOG and not is_saved(info):
                raise ValueError(f"no log is that long: write all. Received: {window}")
        return self

    @property
    def rate(self) -> bool:
        """Whether it gives rates."""
        return "rate" in self.counts

    @property
    def has_positives(self) -> bool:
        """Whether it counts positives, which rates need, too."""
        return "positives" in self.counts or self.rate

    @property
    def recency(self) -> bool:
        """Whether it says how long ago the last event was."""
        return "recency" in self.counts

    @property
    def longest_window(self) -> str:
        """That of `windows` which reaches back furthest."""
        return ALL if ALL in self.windows else max(self.windows, key=seconds_of)

    def summed(self, tasks: int) -> int:
        """How many numbers are summed up: events, and positives of each task."""
        return 1 + tasks * self.has_positives

    def width(self, tasks: int) -> int:
        """How many numbers a window has: those that are summed up, and recency."""
        return self.summed(tasks) + self.recency

    @property
    def steps_a_window(self) -> list[int | None]:
        """How many steps each window has; None is all that there are."""
        found: list[int | None] = []
        for window in self.windows:
            found.append(None if window == ALL else seconds_of(window) // self.step)
        return found

    def reaches_back(self, attribution_window: int) -> int:
        """The longest time before a request at which an event changes its numbers, seconds."""
        if ALL in self.windows:
            return _FOREVER
        return seconds_of(self.longest_window) + self.step + attribution_window

    def keys_of(self, name: str) -> tuple[str, ...]:
        """What the statistic called `name` counts apart."""
        return self.of or (name,)

    def is_of_user(self, name: str) -> bool:
        """Whether it is of users, alone or with something else."""
        return USER in self.keys_of(name)

    def item_keys(self, name: str) -> tuple[str, ...]:
        """Those of `keys_of` that describe items: `item_id` and item features."""
        return tuple(key for key in self.keys_of(name) if key != USER)

    def conditions(self, of_candidates: tuple[Condition, ...]) -> tuple[Condition, ...]:
        """Those on the events that count: its own, or else those on candidates."""
        return of_candidates if self.where is None else self.where

    def columns(self, name: str, tasks: tuple[str, ...]) -> Iterator[StatisticColumn]:
        """The numbers of the statistic called `name`: by window, then by count, then by task.

        Recency, which is one number for all windows, is the last.
        """
        for window in self.windows:
            for count in self.counts:
                if count == "recency":
                    continue
                for task in ("",) if count == "events" else tasks:
                    yield StatisticColumn(name, window, count, task)
        if self.recency:
            yield StatisticColumn(name, self.longest_window, "recency", "")


def check_statistics(
    statistics: dict[str, Statistic], one_word: dict[str, bool], saved: bool
) -> None:
    """Checks that the keys of statistics are known and have one word each.

    Args:
        statistics: By name.
        one_word: Of each item feature, whether a value of it is one word.
        saved: Whether a run wrote them: earlier releases didn't mind names.

    Raises:
        ValueError: a key isn't known, or has no word or several; or a name says another key than
            is counted.
    """
    known = [USER, ITEM_ID]
    known += [name for name, has_one in one_word.items() if has_one]
    for name, statistic in statistics.items():
        if USER in one_word:
            raise ValueError(
                "features.statistics counts by `user`, which is the user, so that no item feature "
                "can have that name"
            )
        for key in statistic.keys_of(name):
            if key not in known:
                raise ValueError(
                    f"features.statistics.{name} counts by user, item_id or item features of one "
                    f"word: {', '.join(known)}. Received: of={key}"
                )
        if name in known and name not in statistic.keys_of(name) and not saved:
            raise ValueError(
                f"features.statistics.{name} is called like what it doesn't count by: rename it. "
                f"Received: of={', '.join(statistic.of)}"
            )


def check_distinct_statistics(
    statistics: dict[str, Statistic], of_candidates: tuple[Condition, ...], tasks: tuple[str, ...]
) -> None:
    """Checks that no statistic has only numbers that another one has, too.

    Args:
        statistics: By name.
        of_candidates: The conditions on candidates, which count where a statistic has none.
        tasks: The labels.

    Raises:
        ValueError: one does.
    """
    numbers: dict[str, set[tuple[Any, ...]]] = {}
    for name, statistic in statistics.items():
        own = _numbers(statistic, name, of_candidates, tasks)
        for other, others in numbers.items():
            if own <= others:
                raise ValueError(
                    f"features.statistics.{name} counts what {other} counts: leave one of them out"
                )
            if others < own:
                raise ValueError(
                    f"features.statistics.{other} counts what {name} counts, and less: leave "
                    f"{other} out"
                )
        numbers[name] = own


def _numbers(
    statistic: Statistic, name: str, of_candidates: tuple[Condition, ...], tasks: tuple[str, ...]
) -> set[tuple[Any, ...]]:
    """What each number of a statistic says, whatever it is called."""
    keys = frozenset(statistic.keys_of(name))
    events = frozenset(statistic.conditions(of_candidates))
    found: set[tuple[Any, ...]] = set()
    for column in statistic.columns(name, tasks):
        prior = statistic.prior if column.count == "rate" else None
        found.add((keys, events, statistic.step, column.window, column.count, column.task, prior))
    return found
