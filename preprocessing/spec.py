"""The dataset spec: one declaration of a behaviour log, used by preprocessing, training and serving.

A spec says where the log is, which columns mean what, which features the models see, which events enter the
history, what the labels are, and where time is cut into training, validation and test.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic

from preprocessing.config import Config
from preprocessing.durations import to_text
from preprocessing.registry import kind_of, known_format, known_kind
from preprocessing.spec_bigquery import BigQuery
from preprocessing.spec_records import Candidates, FractionSplit, History, Negatives, SpanSplit, Split, Task, TimeSplit

if TYPE_CHECKING:
    from preprocessing.kinds.kind import Kind

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAMES_SPAN = re.compile(r"\{SPAN\}|(?=.*\{YYYY\})(?=.*\{MM\})(?=.*\{DD\})")
MULTIVALENT_SEPARATOR = "|"
# Tables that have no row for what a feature describes, or only one that is found through something else.
_OTHER_TABLES = {"user": ("items", "context"), "item": ("users", "context")}


class Feature(Config):
    """One feature.

    Attributes:
        kind: What its values are: one id of a vocabulary (`categorical`), several (`multivalent`), a number, cut into
            quantile buckets (`numeric`); or derived from timestamps: `time_gap`, for behaviours, `hour_of_day` and
            `day_of_week`, for the context. preprocessing/kinds/ has them.
        column: The column it is read from; by default the feature's own name.
        table: The table that has the column. By default, item features come from the item table and user
            features from the user table, context features from the context table where the spec has one, and all
            else from the events.
        min_count: Values seen less often in training share the out-of-vocabulary buckets.
        oov_buckets: Rows for values outside the vocabulary, chosen by hash.
        max_values: Multivalent only: values kept, the first ones.
        buckets: Numeric and time_gap only: how many buckets.
    """

    kind: Annotated[str, pydantic.AfterValidator(known_kind)]
    column: str | None = None
    table: Literal["events", "items", "users", "context"] | None = None
    min_count: int = pydantic.Field(1, ge=1)
    oov_buckets: int = pydantic.Field(1, ge=1)
    max_values: int = pydantic.Field(8, ge=1)
    buckets: int = pydantic.Field(10, ge=2)

    @property
    def how(self) -> Kind:
        """How its values become indices."""
        return kind_of(self.kind)

    @property
    def derived(self) -> bool:
        """Whether it is computed from timestamps rather than read from a column."""
        return self.how.column is None


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
                if side not in feature.how.sides:
                    sides = " and ".join(feature.how.sides)
                    raise ValueError(f"kind {feature.kind} is for {sides} features. Received: {side}.{name}")
        reserved = {"item_id", "timestamp"}
        taken = (set(self.item) & set(self.behavior)) | (reserved & (set(self.item) | set(self.behavior)))
        if taken:
            raise ValueError(f"item and behavior features need distinct, unreserved names. Received: {sorted(taken)}")
        return self


Format = Annotated[str, pydantic.AfterValidator(known_format)]


class Table(Config):
    """Rows of files, or of BigQuery. docs/data.md has an example of each format.

    Attributes:
        format: `recbole` (atomic files: tab-separated, typed header), `csv` or `tsv` (with a header line), `jsonl`
            (one object a line), `parquet`, `avro` or `bigquery`. In the last four, a column `a.b` is field b of
            column a.
        bigquery: What is read, where that is the format; it then has no path.
        path: A file or glob, or several, absolute or relative to the data directory; any file system Beam knows.
            Text whose name ends in .gz, .bz2 or .zst is decompressed.
        delimiter: Delimited text only: what separates values, one or more characters; by default the format's own.
        quotes: csv and tsv only: whether values may be in double quotes, with delimiters and line breaks inside.
            Where they never are, say so: then every line is a row, and a large file is read by several workers.
        columns: Delimited text only: the columns' names, for files that have no header line.
        encoding: Text only: what it is encoded in.
    """

    format: Format
    path: str | tuple[str, ...] = ()
    bigquery: BigQuery | None = None
    delimiter: Annotated[str, pydantic.Field(min_length=1)] | None = None
    quotes: bool = True
    columns: tuple[str, ...] | None = None
    encoding: Literal["utf-8", "latin-1"] = "utf-8"

    @pydantic.model_validator(mode="after")
    def _check_table(self) -> Table:
        if (self.format == "bigquery") != (self.bigquery is not None) or (self.bigquery is None) == (not self.path):
            raise ValueError(
                "a table has a path, or else format bigquery and `bigquery: {table: ...}` or `bigquery: {query: ...}`. "
                f"Received: format={self.format}, path={self.path}, bigquery={self.bigquery}"
            )
        if self.columns is not None and self.format not in ("csv", "tsv"):
            raise ValueError(f"columns names those of csv and tsv files without a header. Received: {self.format}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The files or globs."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def place(self) -> str:
        """Where its rows are, for messages."""
        return self.bigquery.place if self.bigquery else ", ".join(self.paths)


class Explode(Config):
    """Makes one event of each entry of a row's list; the row's other columns are repeated.

    Attributes:
        columns: The columns that hold lists. Of several, the entries at one place belong together. An entry that is
            a structure (JSON, Parquet, Avro) becomes the columns `column.field`.
        separator: What separates entries where a column is text.
        parts: The names of an entry's parts, where one text has several, such as the item and label in `N1-0`.
        part_separator: What separates them; with n parts, only the last n - 1 are taken as separators.
    """

    columns: Annotated[tuple[str, ...], pydantic.Field(min_length=1)]
    separator: Annotated[str, pydantic.Field(min_length=1)] = " "
    parts: tuple[str, ...] = ()
    part_separator: Annotated[str, pydantic.Field(min_length=1)] = "-"

    @pydantic.model_validator(mode="after")
    def _check(self) -> Explode:
        if self.parts and len(self.columns) != 1:
            raise ValueError(f"parts needs exactly one column. Received: columns={list(self.columns)}")
        return self


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
        explode: Makes several events of a row, one for each entry of a list, such as the items shown on a page.
    """

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp"
    timestamp_unit: Literal["s", "ms", "us", "iso"] = "s"
    timestamp_format: str | None = None
    request: str | None = None
    explode: Explode | None = None

    @property
    def time_format(self) -> str:
        """The format that is given, or else the unit."""
        return self.timestamp_format or self.timestamp_unit


class Entities(Table):
    """A table with one row an item (or a user).

    With a `timestamp` column it has a row for each change, and each event sees the latest row at or before it.
    """

    key: str
    title: str | None = None
    timestamp: str | None = None
    timestamp_unit: Literal["s", "ms", "us", "iso"] = "s"
    timestamp_format: str | None = None

    @pydantic.model_validator(mode="after")
    def _check_title(self) -> Entities:
        if self.title is not None and self.bigquery is not None:
            raise ValueError(f"titles are only looked up in files. Received: title={self.title}")
        return self

    @property
    def time_format(self) -> str:
        """The format that is given, or else the unit."""
        return self.timestamp_format or self.timestamp_unit


class ContextTable(Entities):
    """A table of circumstances, such as the weather by town, joined by a column of the events.

    Attributes:
        on: The events' column that holds the table's key.
    """

    on: str


class DatasetSpec(Config):
    """All of it. See the module's docstring."""

    name: Annotated[str, pydantic.Field(pattern=_NAME.pattern)]
    events: Events
    items: Entities | None = None
    users: Entities | None = None
    context: ContextTable | None = None
    features: Features = Features()
    history: History = History()
    candidates: Candidates = Candidates()
    negatives: Negatives | None = None
    tasks: dict[str, Task]
    split: Split = FractionSplit()
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
                if table in _OTHER_TABLES.get(side, ()):
                    raise ValueError(f"features.{side} can't be read from table {table}. Received: {name}")
        return self

    @pydantic.model_validator(mode="after")
    def _check_negatives(self) -> DatasetSpec:
        if self.negatives is None:
            return self
        if self.negatives.per_request >= self.candidates.max_per_request:
            raise ValueError(
                f"negatives.per_request must be below candidates.max_per_request, {self.candidates.max_per_request}. "
                f"Received: {self.negatives.per_request}"
            )
        late = [task for task, label in self.tasks.items() if label.within is not None]
        if late:
            raise ValueError(f"sampled negatives were never shown, so nothing can be attributed to them: {late}")
        return self

    @pydantic.model_validator(mode="after")
    def _check_spans(self) -> DatasetSpec:
        is_rolling = isinstance(self.split, SpanSplit)
        if is_rolling and self.events.bigquery:
            raise ValueError("a split in spans is for files. Let the query choose the days, and give the split's times")
        if is_rolling and not all(map(_NAMES_SPAN.search, self.events.paths)):
            raise ValueError(
                "a split in spans needs a path for each day, with {YYYY}, {MM} and {DD} or with {SPAN} in it. "
                f"Received: events.path={self.events.path}"
            )
        if not is_rolling and any(map(_NAMES_SPAN.search, self.events.paths)):
            raise ValueError(
                "a path with {YYYY}-{MM}-{DD} or {SPAN} needs a split in spans, such as "
                f"`split: {{train: 7, history: 30}}`. Received: events.path={self.events.path}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _check_windows(self) -> DatasetSpec:
        window = self.attribution_window
        if isinstance(self.split, SpanSplit):
            shortest = self.split.at(0)
        elif isinstance(self.split, TimeSplit):
            shortest = self.split
        else:
            return self
        lasts = (shortest.test_from - shortest.validation_from).total_seconds()
        if window is not None and lasts <= window:
            raise ValueError(
                f"split.validation lasts {to_text(int(lasts))}, so no candidate in it outlives the attribution window "
                f"of {to_text(window)} and none would have a label. Make it longer, or tasks.*.within shorter"
            )
        return self

    @property
    def attribution_window(self) -> int | None:
        """The longest `within` of any task, in seconds: when a candidate's labels are final. None: at once."""
        windows = [task.within for task in self.tasks.values() if task.within is not None]
        return max(windows, default=None)

    def table_of(self, side: str, feature: Feature) -> str:
        """The table that a feature of `side` is read from: 'events', 'items', 'users' or 'context'."""
        if feature.table:
            return feature.table
        own = {"item": "items", "user": "users", "context": "context"}.get(side)
        return own if own and getattr(self, own) is not None else "events"

    @classmethod
    def from_json(cls, text: str | bytes) -> DatasetSpec:
        """The spec from what `model_dump_json` wrote."""
        return cls.model_validate_json(text)

    def with_data_dir(self, data_dir: str) -> DatasetSpec:
        """The spec with each relative path put under `data_dir`."""

        def under(path: str) -> str:
            return path if path.startswith("/") or "://" in path else f"{data_dir.rstrip('/')}/{path}"

        update: dict[str, Any] = {}
        for name in ("events", "items", "users", "context"):
            table = getattr(self, name)
            if table is not None and table.bigquery is None:
                paths = tuple(map(under, table.paths))
                update[name] = table.model_copy(update={"path": paths[0] if isinstance(table.path, str) else paths})
        return self.model_copy(update=update)
