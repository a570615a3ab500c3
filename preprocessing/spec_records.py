"""The parts of a dataset spec that say what records are made of.

Which are conditions, tasks, histories, candidates, negatives and splits of time.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic

from preprocessing.config import Config
from preprocessing.durations import SECONDS_PER_DAY, Duration
from preprocessing.explain import choice


class Condition(Config):
    """A test of one column of an event.

    Exactly one of `equals`, `equals_column`, `at_least`, `at_most` and `one_of` is given.

    Attributes:
        column: The column.
        equals: A text or a number; `true` and `false`, however they are written: true, t, yes, y,
            on and 1.
        equals_column: Another column that has the same text; it doesn't hold where that is absent.
        at_least: The smallest number.
        at_most: The largest number.
        one_of: Texts.
    """

    column: str
    equals: pydantic.StrictBool | str | float | None = None
    equals_column: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] | None = None

    @pydantic.field_validator("one_of", mode="before")
    @classmethod
    def _check_texts(cls, values: Any) -> Any:
        if isinstance(values, (list, tuple)) and any(isinstance(value, bool) for value in values):
            raise ValueError(
                "YAML reads yes, no, on, off, true and false as truth values: quote them, such as "
                f"'yes', or write `equals: true`. Received: {list(values)}"
            )
        return values

    @pydantic.model_validator(mode="after")
    def _check(self) -> Condition:
        tests = ("equals", "equals_column", "at_least", "at_most", "one_of")
        given = [name for name in tests if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(tests)}. Received: {given}")
        return self


class Task(Condition):
    """A label: 1 where the condition holds for the candidate's event, or one `within` some time.

    Attributes:
        within: The attribution window. A candidate's label is 1 if an event of the same user and
            item for which the condition holds comes at the candidate's time or up to this long
            after it. Candidates whose window isn't over when their split (or the log) ends have no
            label yet, and are left out and counted.
    """

    within: Duration | None = None


class Earlier(Config):
    """A column of the events with lists of what the user did before, oldest first, without times.

    Attributes:
        column: The column of item ids.
        separator: What separates them where the column is text.
    """

    column: str
    separator: Annotated[str, pydantic.Field(min_length=1)] = " "


class History(Config):
    """Which events enter a user's history, and how many of the latest are kept.

    Attributes:
        length: The most behaviours that a history has.
        where: The conditions that an event has to meet, all of them.
        earlier: Puts the list in a user's first row that has one before the log's own events. Its
            behaviours have no time (0) and no features but their item's.
    """

    length: int = pydantic.Field(100, ge=1)
    where: tuple[Condition, ...] = ()
    earlier: Earlier | None = None


class Candidates(Config):
    """Which events are candidates.

    Attributes:
        max_per_request: The most candidates of a record; a request with more gets several records.
        where: The conditions that an event has to meet, all of them.
    """

    max_per_request: int = pydantic.Field(100, ge=1)
    where: tuple[Condition, ...] = ()


class Negatives(Config):
    """Sampled candidates for logs that tell what users chose, but not what they were shown.

    They are drawn from the items that were candidates in a window before the request, without
    repetition, and never an item that was a candidate of the same user by the time of the request.
    All their labels are 0.

    Attributes:
        per_request: How many are added to each request.
        window: How long before the request an item must have been a candidate.
        popularity_power: An item's chance is its number of candidates in the window to this power;
            0 is uniform.
    """

    per_request: int = pydantic.Field(ge=1)
    window: Annotated[Duration, pydantic.Field(ge=1)] = 7 * SECONDS_PER_DAY
    popularity_power: float = pydantic.Field(0.75, ge=0, le=2)


class FractionSplit(Config):
    """Cut-offs at the full hours that come nearest to fractions of the events.

    Attributes:
        validation: The share of events for validation.
        test: The share for test, which are the last ones.
    """

    validation: float = pydantic.Field(0.1, gt=0, lt=1)
    test: float = pydantic.Field(0.1, gt=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> FractionSplit:
        if self.validation + self.test >= 1:
            raise ValueError(
                "validation and test leave nothing to train on: their sum must stay below 1"
            )
        return self


def _with_zone(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


# A time without a zone is UTC.
UtcTime = Annotated[datetime.datetime, pydantic.AfterValidator(_with_zone)]


class TimeSplit(Config):
    """Cut-offs given as times.

    Attributes:
        validation_from: Requests at or after it are for validation.
        test_from: Requests at or after it are for test.
        train_from: Events before it are history only: their requests give no records. None: there
            are none.
        until: Events at or after it give labels only. None: there are none.
    """

    validation_from: UtcTime
    test_from: UtcTime
    train_from: UtcTime | None = None
    until: UtcTime | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> TimeSplit:
        names = ("train_from", "validation_from", "test_from", "until")
        given = [name for name in names if getattr(self, name) is not None]
        for earlier, later in itertools.pairwise(given):
            if getattr(self, later) <= getattr(self, earlier):
                raise ValueError(f"these times must ascend: {', '.join(given)}")
        return self


class SpanSplit(Config):
    """A window of days that ends with the newest one and moves with it. A span is a day of UTC.

    Oldest first: `history` days give histories only, then come the days of `train`, `validation`
    and `test`, then `labels` days, which only tell what became of the candidates before them.

    Attributes:
        train: Days of training.
        validation: Days of validation.
        test: Days of test.
        history: Days before those of training.
        labels: Days after those of test.
    """

    train: int = pydantic.Field(ge=1)
    validation: int = pydantic.Field(1, ge=1)
    test: int = pydantic.Field(1, ge=1)
    history: int = pydantic.Field(0, ge=0)
    labels: int = pydantic.Field(0, ge=0)

    def spans(self, newest: int) -> range:
        """The days that are read, oldest first, as days since 1970."""
        days = self.history + self.train + self.validation + self.test + self.labels
        return range(newest + 1 - days, newest + 1)

    def at(self, newest: int) -> TimeSplit:
        """The split in times, where `newest` is the last day that is read."""
        until = newest + 1 - self.labels
        test = until - self.test
        validation = test - self.validation
        return TimeSplit(
            train_from=_midnight(validation - self.train),
            validation_from=_midnight(validation),
            test_from=_midnight(test),
            until=_midnight(until),
        )


def _kind_of_split(given: Any) -> str:
    """The mark of the split that keys are of; without a key of the others it is of fractions."""
    if isinstance(given, TimeSplit | SpanSplit):
        return _BY_TIMES if isinstance(given, TimeSplit) else _BY_SPANS
    keys = set(given) if isinstance(given, Mapping) else set()
    of_fractions = set(FractionSplit.model_fields)
    if keys & (set(SpanSplit.model_fields) - of_fractions):
        return _BY_SPANS
    return _BY_TIMES if keys & set(TimeSplit.model_fields) else _BY_FRACTIONS


# So that a wrong value is told of the split that is meant, not of all three.
_BY_FRACTIONS = choice("fractions")
_BY_TIMES = choice("times")
_BY_SPANS = choice("spans")
Split = Annotated[
    Annotated[FractionSplit, pydantic.Tag(_BY_FRACTIONS)]
    | Annotated[TimeSplit, pydantic.Tag(_BY_TIMES)]
    | Annotated[SpanSplit, pydantic.Tag(_BY_SPANS)],
    pydantic.Discriminator(_kind_of_split),
]


def _midnight(day: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(day * SECONDS_PER_DAY, datetime.timezone.utc)
