"""Which columns of each table a spec needs, and what they are called inside the pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from preprocessing.features import RecordFeature
from preprocessing.kinds.column import ColumnKind
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import Condition
from preprocessing.spec_tables import Entities, Events

TableName = Literal["events", "items", "users", "context"]
TABLES: tuple[TableName, ...] = ("events", "items", "users", "context")
JOINED: tuple[TableName, ...] = ("items", "users", "context")

# What a column's values are checked as: an id must not be missing, an optional id may be; `time`
# becomes int64 seconds; `number` float64 with NaN where absent; `text` and `multivalent` stay
# strings with "" where absent. `any` is not checked: a list that is taken apart later, or a column
# that nothing is known of yet.
Checked = Literal["id", "optional_id", "time", "number", "text", "multivalent", "any"]

# The batch's names of key columns, of the events and of other tables.
USER = "user"
ITEM = "item"
TIME = "time"
REQUEST = "request"
KEY = "key"
# Of the events, where the spec has lists of earlier behaviours: a row's list, and what
# preprocessing/earlier.py makes.
EARLIER = "earlier"
PLACE = "place"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column to read.

    Attributes:
        name: What the batch calls it; key columns are `user`, `item`, `time`, `request` (events) or
            `key`, `time`.
        source: Its name in the file.
        kind: What its values are checked as.
        needed_by: The key of the spec that asks for it, for error messages.
        between: The least and the largest number that is taken; None: any.
    """

    name: str
    source: str
    kind: Checked
    needed_by: str
    between: tuple[float, float] | None = None


def text_column(source: str) -> str:
    """The batch's name of a column's strings."""
    return f"text:{source}"


def number_column(source: str) -> str:
    """The batch's name of a column's numbers."""
    return f"number:{source}"


def multivalent_column(source: str) -> str:
    """The batch's name of a column's joined values."""
    return f"multivalent:{source}"


def columns_of(spec: DatasetSpec, table: TableName) -> tuple[Column, ...]:
    """The columns that `spec` needs of a table (none if it doesn't have the table), keys first."""
    declared = getattr(spec, table)
    if declared is None:
        return ()
    columns = _event_keys(declared) if table == "events" else _entity_keys(declared, table)
    columns += [_of_feature(place, feature) for place, feature in _features_from(spec, table)]
    if table == "events":
        for place, condition in conditions(spec):
            columns += _of_condition(place, condition)
        if spec.history.earlier is not None:
            source = spec.history.earlier.column
            columns.append(Column(EARLIER, source, "multivalent", "history.earlier"))
        if spec.context is not None:
            source = spec.context.on
            columns.append(Column(text_column(source), source, "text", "context.on"))
    return _once_each(columns)


def conditions(spec: DatasetSpec) -> Iterable[tuple[str, Condition]]:
    """Every condition on events with its place in the spec."""
    for task, label in spec.tasks.items():
        yield f"tasks.{task}", label
    for condition in spec.history.where:
        yield "history.where", condition
    for condition in spec.candidates.where:
        yield "candidates.where", condition
    for name, statistic in spec.features.statistics.items():
        for condition in statistic.where or ():
            yield f"features.statistics.{name}.where", condition


def is_numeric(condition: Condition) -> bool:
    """Whether a condition compares numbers rather than strings."""
    is_text = condition.one_of is not None or condition.equals_column is not None
    return not is_text and not isinstance(condition.equals, (str, bool))


def feature_column(feature: ColumnKind, name: str) -> str:
    """The batch's name of a feature's column; `name` is the feature's name in the spec."""
    source = feature.column or name
    named = {"number": number_column, "multivalent": multivalent_column}
    return named.get(feature.checked_as, text_column)(source)


def source_of(spec: DatasetSpec, feature: RecordFeature) -> tuple[str, str]:
    """The table and the batch's column that a described record feature is read from.

    Raises:
        ValueError: the feature is an id, a timestamp or a label, and has no column of its own.
    """
    if not isinstance(feature.spec, ColumnKind):
        raise ValueError(f"this record feature has no declaration. Received: {feature.name}")
    table = spec.table_of(feature.owner, feature.spec)
    return table, feature_column(feature.spec, feature.field)


def _once_each(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Each column once: the first of a name, or one with bounds, which hold for all readers."""
    kept: dict[str, Column] = {}
    for column in columns:
        if column.name not in kept or (kept[column.name].between is None and column.between):
            kept[column.name] = column
    return tuple(kept.values())


def _event_keys(events: Events) -> list[Column]:
    keys = [
        Column(USER, events.user, "id", "events.user"),
        Column(ITEM, events.item, "id", "events.item"),
        Column(TIME, events.timestamp, "time", "events.timestamp"),
    ]
    if events.request:
        keys.append(Column(REQUEST, events.request, "optional_id", "events.request"))
    return keys


def _entity_keys(entities: Entities, table: TableName) -> list[Column]:
    keys = [Column(KEY, entities.key, "id", f"{table}.key")]
    if entities.timestamp:
        keys.append(Column(TIME, entities.timestamp, "time", f"{table}.timestamp"))
    return keys


def _features_from(spec: DatasetSpec, table: TableName) -> Iterable[tuple[str, ColumnKind]]:
    for side, features in spec.features.by_side.items():
        for name, feature in features.items():
            if isinstance(feature, ColumnKind) and spec.table_of(side, feature) == table:
                yield f"features.{side}.{name}", feature


def _of_feature(place: str, feature: ColumnKind) -> Column:
    name = place.rpartition(".")[2]
    source = feature.column or name
    return Column(feature_column(feature, name), source, feature.checked_as, place, feature.between)


def _of_condition(place: str, condition: Condition) -> list[Column]:
    if is_numeric(condition):
        return [Column(number_column(condition.column), condition.column, "number", place)]
    sources = [condition.column]
    if condition.equals_column is not None:
        sources.append(condition.equals_column)
    return [Column(text_column(source), source, "text", place) for source in sources]
