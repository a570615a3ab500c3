"""The dataset spec: one declaration of a behaviour log, used by preprocessing, training and serving.

A spec says where the log is, which columns mean what, which features the models see, which events enter the
history, what the labels are, and where time is cut into training, validation and test.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

import pydantic

from preprocessing.config import Config

# A feature's values: one id of a vocabulary; several ids; a number, cut into quantile buckets; or derived from
# timestamps inside the transform graph, so that a serving request need not send them.
FeatureKind = Literal["categorical", "multivalent", "numeric", "time_gap", "hour_of_day", "day_of_week"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
MULTIVALENT_SEPARATOR = "|"


class Feature(Config):
    """One feature.

    Attributes:
        kind: What its values are; `time_gap` is for behaviours, `hour_of_day` and `day_of_week` for the context.
        column: The column it is read from; by default the feature's own name.
        table: The table that has the column. By default, item features come from the item table and user
            features from the user table where the spec has one, and all else from the events.
        min_count: Values seen less often in training share the out-of-vocabulary buckets.
        oov_buckets: Rows for values outside the vocabulary, chosen by hash.
        max_values: Multivalent only: values kept, the first ones.
        buckets: Numeric and time_gap only: how many buckets.
    """

    kind: FeatureKind
    column: str | None = None
    table: Literal["events", "items", "users"] | None = None
    min_count: int = pydantic.Field(1, ge=1)
    oov_buckets: int = pydantic.Field(1, ge=1)
    max_values: int = pydantic.Field(8, ge=1)
    buckets: int = pydantic.Field(10, ge=2)

    @property
    def derived(self) -> bool:
        """Whether it is computed from timestamps rather than read from a column."""
        return self.kind in ("time_gap", "hour_of_day", "day_of_week")


class Features(Config):
    """The features by the thing they describe; ids and timestamps are always there and not listed."""

    user: dict[str, Feature] = {}
    item: dict[str, Feature] = {}
    behavior: dict[str, Feature] = {}
    context: dict[str, Feature] = {}

    @pydantic.model_validator(mode="after")
    def _check(self) -> Features:
        for side, features in self:
            for name, feature in features.items():
                if not _NAME.fullmatch(name):
                    raise ValueError(f"feature name must be snake_case. Received: {side}.{name}")
                if feature.kind == "time_gap" and side != "behavior":
                    raise ValueError(f"kind time_gap is for behavior features. Received: {side}.{name}")
                if feature.kind in ("hour_of_day", "day_of_week") and side != "context":
                    raise ValueError(f"kind {feature.kind} is for context features. Received: {side}.{name}")
        reserved = {"item_id", "timestamp"}
        taken = (set(self.item) & set(self.behavior)) | (reserved & (set(self.item) | set(self.behavior)))
        if taken:
            raise ValueError(f"item and behavior features need distinct, unreserved names. Received: {sorted(taken)}")
        return self


class Condition(Config):
    """A test of one column of an event: exactly one of `equals`, `at_least`, `at_most`, `one_of`."""

    column: str
    equals: str | float | None = None
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Condition:
        given = [name for name in ("equals", "at_least", "at_most", "one_of") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of equals, at_least, at_most, one_of. Received: {given}")
        return self


Format = Literal["recbole", "csv", "tsv"]


class Table(Config):
    """Files of rows. docs/data.md has an example of each format.

    Attributes:
        format: `recbole` (atomic files: tab-separated, typed header), `csv` or `tsv` (with a header line).
        path: A file or glob, absolute or relative to the data directory; any file system Beam knows. Files whose
            name ends in .gz, .bz2 or .zst are decompressed.
        delimiter: Delimited text only: what separates values, one or more characters; by default the format's own.
        quotes: csv and tsv only: whether values may be in double quotes, with delimiters and line breaks inside.
            Where they never are, say so: then every line is a row, and a large file is read by several workers.
        columns: Delimited text only: the columns' names, for files that have no header line.
        encoding: Text only: what it is encoded in.
    """

    format: Format
    path: str
    delimiter: Annotated[str, pydantic.Field(min_length=1)] | None = None
    quotes: bool = True
    columns: tuple[str, ...] | None = None
    encoding: Literal["utf-8", "latin-1"] = "utf-8"


class Events(Table):
    """The behaviour log: one row an event, with the names of its key columns.

    Attributes:
        user: The column of user ids.
        item: The column of item ids.
        timestamp: The column of times.
        timestamp_unit: Of timestamps: numbers since 1970 UTC in seconds, milli- or microseconds, or `iso`: ISO 8601
            text, UTC where it names no zone. Columns that have a type of times need none.
        timestamp_format: How the text of times is written where it is none of these, as strptime has it; in UTC.
        request: The column of request ids.
    """

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp"
    timestamp_unit: Literal["s", "ms", "us", "iso"] = "s"
    timestamp_format: str | None = None
    request: str | None = None

    @property
    def time_format(self) -> str:
        """The format that is given, or else the unit."""
        return self.timestamp_format or self.timestamp_unit


class Entities(Table):
    """A table with one row an item (or a user)."""

    key: str
    title: str | None = None


class History(Config):
    """Which events enter a user's history (all conditions hold), and how many of the latest are kept."""

    length: int = pydantic.Field(100, ge=1)
    where: tuple[Condition, ...] = ()


class Candidates(Config):
    """Which events are candidates (all conditions hold); longer lists are cut into several records."""

    max_per_request: int = pydantic.Field(100, ge=1)
    where: tuple[Condition, ...] = ()


class FractionSplit(Config):
    """The last events by time: cut-offs fall on the full hour that comes nearest to the fractions."""

    validation: float = pydantic.Field(0.1, gt=0, lt=1)
    test: float = pydantic.Field(0.1, gt=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> FractionSplit:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on: their sum must stay below 1")
        return self


def _with_zone(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


UtcTime = Annotated[datetime.datetime, pydantic.AfterValidator(_with_zone)]  # a time without a zone is UTC


class TimeSplit(Config):
    """Cut-offs given as times: requests at or after `validation_from` (`test_from`) are for validation (test)."""

    validation_from: UtcTime
    test_from: UtcTime

    @pydantic.model_validator(mode="after")
    def _check(self) -> TimeSplit:
        if self.validation_from >= self.test_from:
            raise ValueError("validation_from must come before test_from")
        return self


class DatasetSpec(Config):
    """All of it. See the module's docstring."""

    name: Annotated[str, pydantic.Field(pattern=_NAME.pattern)]
    events: Events
    items: Entities | None = None
    users: Entities | None = None
    features: Features = Features()
    history: History = History()
    candidates: Candidates = Candidates()
    tasks: dict[str, Condition]
    split: FractionSplit | TimeSplit = FractionSplit()
    item_min_count: int = pydantic.Field(1, ge=1)
    item_oov_buckets: int = pydantic.Field(1, ge=1)
    max_bad_rows: float = pydantic.Field(0.01, ge=0, le=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> DatasetSpec:
        if not self.tasks:
            raise ValueError("at least one task is needed, such as `tasks: {click: {column: clicked, equals: 1}}`")
        for task in self.tasks:
            if not _NAME.fullmatch(task):
                raise ValueError(f"task name must be snake_case. Received: {task}")
        for side, features in self.features:
            for name, feature in features.items():
                table = feature.table
                if table and table != "events" and getattr(self, table) is None:
                    raise ValueError(f"features.{side}.{name} is read from table {table}, which the spec doesn't have")
        return self

    def table_of(self, side: str, feature: Feature) -> str:
        """The table that a feature of `side` is read from: 'events', 'items' or 'users'."""
        if feature.table:
            return feature.table
        own = {"item": "items", "user": "users"}.get(side)
        return own if own and getattr(self, own) is not None else "events"

    @classmethod
    def from_json(cls, text: str | bytes) -> DatasetSpec:
        """The spec from what `model_dump_json` wrote."""
        return cls.model_validate_json(text)

    def with_data_dir(self, data_dir: str) -> DatasetSpec:
        """The spec with each relative path put under `data_dir`."""
        update: dict[str, Any] = {}
        for name in ("events", "items", "users"):
            table = getattr(self, name)
            if table is not None and not table.path.startswith("/") and "://" not in table.path:
                update[name] = table.model_copy(update={"path": f"{data_dir.rstrip('/')}/{table.path}"})
        return self.model_copy(update=update)
