"""The dataset spec: one declaration of a log for preprocessing, training and serving.

A spec says where the log is, which columns mean what, which features the models see, which events
enter the history, what the labels are, and where time is cut into training, validation and test.
"""

from __future__ import annotations

import glob
import re
from typing import Annotated, Any

import pydantic

from preprocessing.config import SAVED, Config, is_saved
from preprocessing.durations import to_text
from preprocessing.kinds.column import ColumnKind
from preprocessing.kinds.kind import Kind
from preprocessing.registry import KIND
from preprocessing.spec_match import ITEM_ID, Match, check_distinct_matches
from preprocessing.spec_records import (
    Candidates,
    FractionSplit,
    History,
    Negatives,
    SpanSplit,
    Split,
    Task,
    TimeSplit,
)
from preprocessing.spec_statistics import (
    Statistic,
    StatisticColumn,
    check_distinct_statistics,
    check_statistics,
)
from preprocessing.spec_tables import ContextTable, Entities, Events

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAMES_SPAN = re.compile(r"\{SPAN\}|(?=.*\{YYYY\})(?=.*\{MM\})(?=.*\{DD\})")
# Tables that have no row of what a feature describes.
_OTHER_TABLES = {"user": ("items", "context"), "item": ("users", "context")}

# Names of history and candidate features that are always there, without their side.
_RESERVED = {ITEM_ID, "item_key", "timestamp"}

# A feature of some kind: preprocessing/kinds/ has them, each with its own options.
Feature = Annotated[pydantic.SerializeAsAny[Kind], pydantic.BeforeValidator(KIND.read)]


class Features(Config):
    """The features by what they describe; ids and timestamps are always there and not listed.

    `match` and `statistics` describe nothing themselves: they compare candidates with histories,
    and count events, by the features of the other sections.

    Example:
        item: {category: {kind: categorical}, price: {kind: numeric}}
        context: {device: {kind: categorical}, hour: {kind: hour_of_day}}

    Attributes:
        user: Of the user, from the table of users.
        item: Of items, as candidates and in histories.
        behavior: Of an event in a history, and not of its item.
        context: Of the request.
        match: What a candidate has in common with the history.
        statistics: Counts and rates of events as of the time of the request.
    """

    user: dict[str, Feature] = {}
    item: dict[str, Feature] = {}
    behavior: dict[str, Feature] = {}
    context: dict[str, Feature] = {}
    match: dict[str, Match] = {}
    statistics: dict[str, Statistic] = {}

    @property
    def by_side(self) -> dict[str, dict[str, Kind]]:
        """The features of each side: user, item, behavior and context."""
        return {
            "user": self.user,
            "item": self.item,
            "behavior": self.behavior,
            "context": self.context,
        }

    @pydantic.model_validator(mode="after")
    def _check(self) -> Features:
        for side, features in self.by_side.items():
            for name, feature in features.items():
                if not _NAME.fullmatch(name):
                    raise ValueError(f"feature name must be snake_case. Received: {side}.{name}")
                if side not in feature.sides:
                    sides = " and ".join(feature.sides)
                    raise ValueError(
                        f"kind {feature.kind} is for {sides} features. Received: {side}.{name}"
                    )
        # Both become `history_<name>`, as do the ids and times of behaviours.
        twice = self.item.keys() & self.behavior.keys()
        declared = self.item.keys() | self.behavior.keys()
        reserved = declared & _RESERVED
        taken = twice | reserved
        if taken:
            raise ValueError(
                f"item and behavior features need distinct, unreserved names. Received: "
                f"{sorted(taken)}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _check_matches(self) -> Features:
        with_words = [name for name, feature in self.item.items() if feature.has_vocabulary]
        with_words.insert(0, ITEM_ID)
        for name, match in self.match.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"feature name must be snake_case. Received: match.{name}")
            for field in match.fields_of(name):
                if field not in with_words:
                    raise ValueError(
                        f"features.match.{name} compares item features with words: "
                        f"{', '.join(with_words)}. Received: fields={field}"
                    )
            if match.by is not None and match.by not in self.behavior:
                known = ", ".join(self.behavior) or "none is declared"
                raise ValueError(
                    f"features.match.{name} counts by a behaviour feature: {known}. Received: "
                    f"by={match.by}"
                )
            if match.by is not None and self.behavior[match.by].multivalent:
                raise ValueError(
                    f"features.match.{name} counts by a feature of one value a behaviour. "
                    f"Received: by={match.by}, which is {self.behavior[match.by].kind}"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _check_statistics(self, info: pydantic.ValidationInfo) -> Features:
        for name in self.statistics:
            if not _NAME.fullmatch(name):
                raise ValueError(f"feature name must be snake_case. Received: statistics.{name}")
        one_word: dict[str, bool] = {}
        for name, kind in self.item.items():
            one_word[name] = kind.has_vocabulary and not kind.multivalent
        check_statistics(self.statistics, one_word, is_saved(info))
        return self


class DatasetSpec(Config):
    """The whole spec.

    Attributes:
        name: What the data set is called.
        events: The log.
        items: A table of items.
        users: A table of users.
        context: A table of circumstances.
        features: What models see of users, items, behaviours and requests.
        history: Which events enter histories.
        candidates: Which events are candidates.
        negatives: Candidates that are sampled, for logs that don't tell what was shown.
        tasks: The labels by name.
        split: How time is cut into training, validation and test.
        item_min_count: Items with fewer events before the validation cut-off that aren't in the
            item table are unknown to models.
        item_oov_buckets: How many embedding rows the unknown items share.
        max_bad_rows: The largest share of a table's rows that may be rejected.
    """

    name: Annotated[str, pydantic.Field(pattern=f"^{_NAME.pattern}$")]
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
            raise ValueError(
                "at least one task is needed, such as "
                "`tasks: {click: {column: clicked, equals: 1}}`"
            )
        for task in self.tasks:
            if not _NAME.fullmatch(task):
                raise ValueError(f"task name must be snake_case. Received: {task}")
        for side, features in self.features.by_side.items():
            for name, feature in features.items():
                table = feature.table if isinstance(feature, ColumnKind) else None
                if table and table != "events" and getattr(self, table) is None:
                    raise ValueError(
                        f"features.{side}.{name} is read from table {table}, which the spec "
                        f"doesn't have"
                    )
                if table in _OTHER_TABLES.get(side, ()):
                    raise ValueError(
                        f"features.{side} can't be read from table {table}. Received: {name}"
                    )
        return self

    @pydantic.model_validator(mode="after")
    def _check_statistics(self, info: pydantic.ValidationInfo) -> DatasetSpec:
        if not is_saved(info):
            statistics = self.features.statistics
            check_distinct_statistics(statistics, self.candidates.where, tuple(self.tasks))
        taken = {"user": set(self.features.user), "candidate": set(self.features.item)}
        taken["user"].add("statistics")  # of features.USER_STATISTICS
        for side, names in taken.items():
            for column in self.statistic_columns(side):
                if column.name in names:
                    raise ValueError(
                        f"features.statistics.{column.statistic} makes a feature {column.name}, "
                        f"which another one is called, too: rename one of the two"
                    )
                names.add(column.name)
        return self

    @pydantic.model_validator(mode="after")
    def _check_titles(self, info: pydantic.ValidationInfo) -> DatasetSpec:
        for name in ("users", "context"):
            table = getattr(self, name)
            if table is not None and table.title is not None and not is_saved(info):
                raise ValueError(
                    f"{name}.title has no effect, because only items are shown by their titles: "
                    f"leave it out. Received: title={table.title}"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _check_matches(self, info: pydantic.ValidationInfo) -> DatasetSpec:
        if not is_saved(info):
            check_distinct_matches(self.features.match, self.history.length)
        for name, match in self.features.match.items():
            if match.last is not None and match.last > self.history.length and not is_saved(info):
                raise ValueError(
                    f"features.match.{name}.last must not exceed history.length, "
                    f"{self.history.length}: no more behaviours are kept. Received: {match.last}"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _check_negatives(self) -> DatasetSpec:
        if self.negatives is None:
            return self
        if self.negatives.per_request >= self.candidates.max_per_request:
            raise ValueError(
                f"negatives.per_request must be below candidates.max_per_request, "
                f"{self.candidates.max_per_request}. Received: {self.negatives.per_request}"
            )
        late = [task for task, label in self.tasks.items() if label.within is not None]
        if late:
            raise ValueError(
                f"sampled negatives were never shown, so nothing can be attributed to them: {late}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _check_spans(self) -> DatasetSpec:
        is_rolling = isinstance(self.split, SpanSplit)
        if is_rolling and self.events.bigquery:
            raise ValueError(
                "a split in spans is for files. Let the query choose the days, and give the "
                "split's times"
            )
        if is_rolling and not all(map(_NAMES_SPAN.search, self.events.paths)):
            raise ValueError(
                "a split in spans needs a path for each day, with {YYYY}, {MM} and {DD} or with "
                f"{{SPAN}} in it. Received: events.path={self.events.path}"
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
            shortest = self.split.at(0)  # of whichever day: the lengths are the same
        elif isinstance(self.split, TimeSplit):
            shortest = self.split
        else:
            return self
        lasts = (shortest.test_from - shortest.validation_from).total_seconds()
        if window is not None and lasts <= window:
            raise ValueError(
                f"split.validation lasts {to_text(int(lasts))}, so no candidate in it outlives the "
                f"attribution window of {to_text(window)} and none would have a label. Make it "
                f"longer, or tasks.*.within shorter"
            )
        return self

    @property
    def attribution_window(self) -> int | None:
        """How many seconds after a candidate its labels are final; None if they are at once.

        It is the longest `within` of any task.
        """
        windows = [task.within for task in self.tasks.values() if task.within is not None]
        return max(windows, default=None)

    def statistic_columns(self, side: str) -> list[StatisticColumn]:
        """The numbers that statistics give to a user or a candidate; `side` is which of the two."""
        columns: list[StatisticColumn] = []
        for name, statistic in self.features.statistics.items():
            of_candidate = bool(statistic.item_keys(name))
            if of_candidate == (side == "candidate"):
                columns += statistic.columns(name, tuple(self.tasks))
        return columns

    @property
    def rates_of_users(self) -> list[str]:
        """The statistics of users with rates, which are drawn to that of all users together."""
        found: list[str] = []
        for name, statistic in self.features.statistics.items():
            if statistic.is_of_user(name) and statistic.rate:
                found.append(name)
        return found

    @property
    def statistics_of_users_items(self) -> list[str]:
        """The statistics that count by the user and something else, in the spec's order."""
        found: list[str] = []
        for name, statistic in self.features.statistics.items():
            if statistic.is_of_user(name) and statistic.item_keys(name):
                found.append(name)
        return found

    def table_of(self, side: str, feature: Feature) -> str:
        """The table that a feature of `side` is read from: events, items, users or context."""
        if isinstance(feature, ColumnKind) and feature.table:
            return feature.table
        own = {"item": "items", "user": "users", "context": "context"}.get(side)
        return own if own and getattr(self, own) is not None else "events"

    @classmethod
    def from_json(cls, text: str | bytes) -> DatasetSpec:
        """The spec from what `model_dump_json` wrote, be it in an earlier version."""
        return cls.model_validate_json(text, context=SAVED)

    def with_data_dir(self, data_dir: str) -> DatasetSpec:
        """The spec with each relative path put under `data_dir`, whose name is taken literally."""

        def under(path: str) -> str:
            if path.startswith("/") or "://" in path:
                return path
            folder = data_dir.rstrip("/")
            # Only the path may be a pattern: TFX, Beam and Python all know this way to quote.
            if glob.has_magic(path) or _NAMES_SPAN.search(path):
                folder = glob.escape(folder)
            return f"{folder}/{path}"

        update: dict[str, Any] = {}
        for name in ("events", "items", "users", "context"):
            table = getattr(self, name)
            if table is not None and table.bigquery is None:
                paths = tuple(map(under, table.paths))
                update[name] = table.at(paths[0] if isinstance(table.path, str) else paths)
        return self.model_copy(update=update)
