"""The tables of a dataset spec: the log of events, and what is joined to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import pydantic

from preprocessing.conditions import CountsWith, CountsWithout
from preprocessing.config import Config, is_saved
from preprocessing.durations import SECONDS_PER_HOUR, Duration
from preprocessing.registry import FORMAT
from preprocessing.spec_bigquery import BigQuery, BigQuerySource
from preprocessing.spec_sources import Files, Source
from preprocessing.time_formats import known_time_format

TableT = TypeVar("TableT", bound="Table")
SourceT = TypeVar("SourceT", bound=Source)
TimeUnit = Literal["s", "ms", "us", "iso"]
TimeFormat = Annotated[str, pydantic.AfterValidator(known_time_format)]


class Table(Config):
    """Rows of files, or of BigQuery. docs/data.md has an example of each format.

    Attributes:
        source: Where the rows are and how they are written. A spec gives its options (`format`,
            `path`, ...) beside the table's own, not in a section of their own.
        absent: Texts that mean that there is no value where a number is needed, such as `NULL` (in
            quotes: YAML's own null is no text). Elsewhere they are words and ids like others.
    """

    source: pydantic.SerializeAsAny[Source]
    absent: tuple[str, ...] = ()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _gather_source(cls, content: Any, info: pydantic.ValidationInfo) -> Any:
        if not isinstance(content, Mapping) or isinstance(content.get("source"), Source):
            return content
        # A spec gives the options of the format beside the table's own.
        names = set(cls.model_fields) - {"source"}
        own = {key: value for key, value in content.items() if key in names}
        of_format = {key: value for key, value in content.items() if key not in names}
        return own | {"source": FORMAT.of(of_format, is_saved(info), beside=names)}

    def _as_written(self, content: dict[str, Any]) -> dict[str, Any]:
        """See Config."""
        return content.pop("source", {}) | content

    def options(self, of: type[SourceT]) -> SourceT:
        """The options of its format.

        Raises:
            ValueError: the format is of another class than `of`.
        """
        if not isinstance(self.source, of):
            raise ValueError(
                f"needed the options of {of.__name__}. Received: format={self.source.format}"
            )
        return self.source

    @property
    def format(self) -> str:
        """The format's name."""
        return self.source.format

    @property
    def path(self) -> str | tuple[str, ...]:
        """The path as the spec gives it; none of BigQuery."""
        return self.source.path if isinstance(self.source, Files) else ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files or globs."""
        return self.source.paths if isinstance(self.source, Files) else ()

    @property
    def bigquery(self) -> BigQuery | None:
        """What is read of BigQuery, if it is."""
        return self.source.bigquery if isinstance(self.source, BigQuerySource) else None

    @property
    def place(self) -> str:
        """Where its rows are, for messages."""
        return self.source.place

    def at(self: TableT, path: str | tuple[str, ...]) -> TableT:
        """The same table of other files."""
        return self.model_copy(update={"source": self.source.model_copy(update={"path": path})})


class Explode(Config):
    """Makes one event of each entry of a row's list; the row's other columns are repeated.

    Attributes:
        columns: The columns that hold lists. Of several, the entries at one place belong together.
            An entry that is a structure (JSON, Parquet, Avro) becomes the columns `column.field`.
        separator: What separates entries where a column is text.
        parts: The names of an entry's parts, where one text has several, such as the item and label
            in `N1-0`.
        part_separator: What separates them; with n parts, only the last n - 1 are taken as
            separators.
        position: What the place of an entry in its list, from 1, is called as a column. No column
            of the files.
        without_list: The column that has the item of a row whose lists are empty, such as an action
            on one item. The row is one event, without what entries have, its position too. None:
            such a row is rejected.
    """

    columns: Annotated[tuple[str, ...], pydantic.Field(min_length=1)]
    separator: Annotated[str, pydantic.Field(min_length=1)] = " "
    parts: tuple[str, ...] = ()
    part_separator: Annotated[str, pydantic.Field(min_length=1), CountsWith("parts")] = "-"
    position: str | None = None
    without_list: str | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Explode:
        if self.parts and len(self.columns) != 1:
            raise ValueError(
                f"parts needs exactly one column. Received: columns={list(self.columns)}"
            )
        if self.position in (*self.columns, *self.parts):
            raise ValueError(
                f"position names a column of its own. Received: position={self.position}"
            )
        return self


class Events(Table):
    """The behaviour log: one row an event, with the names of its key columns.

    Attributes:
        user: The column of user ids.
        item: The column of item ids.
        timestamp: The column of times.
        timestamp_unit: Of timestamps: numbers since 1970 UTC in seconds, milli- or microseconds, or
            `iso`: ISO 8601 text, UTC where it names no zone. Columns that have a type of times need
                none.
        timestamp_format: How the text of times is written where it is none of these, as strptime
            has it; in UTC.
        request: The column of request ids.
        request_span: How long a request lasts at most: later events with its id are another one. So
            is what comes after a cut-off of time.
        explode: Makes several events of a row, one for each entry of a list, such as the items
            shown on a page.
    """

    user: str = "user_id"
    item: str = "item_id"
    timestamp: str = "timestamp"
    timestamp_unit: Annotated[TimeUnit, CountsWithout("timestamp_format")] = "s"
    timestamp_format: TimeFormat | None = None
    request: str | None = None
    request_span: Annotated[Duration, CountsWith("request")] = SECONDS_PER_HOUR
    explode: Explode | None = None

    @property
    def time_format(self) -> str:
        """The format that is given, or else the unit."""
        return self.timestamp_format or self.timestamp_unit


class Entities(Table):
    """A table with one row per item (or user).

    With a `timestamp` column it has a row per change, and each event sees the latest row strictly
    before it.

    Attributes:
        key: The column of ids.
        title: A column of titles, which people see; models don't.
        timestamp: The column of times.
        timestamp_unit: See Events.
        timestamp_format: See Events.
    """

    key: str
    title: str | None = None
    timestamp: str | None = None
    timestamp_unit: Annotated[
        TimeUnit, CountsWith("timestamp"), CountsWithout("timestamp_format")
    ] = "s"
    timestamp_format: Annotated[TimeFormat | None, CountsWith("timestamp")] = None

    @pydantic.model_validator(mode="after")
    def _check_bigquery(self, info: pydantic.ValidationInfo) -> Entities:
        if self.bigquery is None:
            return self
        if self.title is not None:
            raise ValueError(f"titles are only looked up in files. Received: title={self.title}")
        if "shards" in self.bigquery.model_fields_set and not is_saved(info):
            raise ValueError(
                f"bigquery.shards says into how many parts users are spread, which events alone "
                f"tell: give it as events.bigquery.shards. Received: shards={self.bigquery.shards}"
            )
        return self

    def _as_written(self, content: dict[str, Any]) -> dict[str, Any]:
        """See Config: without shards, which are the events'."""
        written = super()._as_written(content)
        if self.bigquery is not None:
            written["bigquery"].pop("shards", None)
        return written

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
