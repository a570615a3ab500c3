"""The features of records and models, and their names, which are the same in serving signatures.

A name is the feature's side and its name in the spec: `user_age`, `context_hour`,
`history_rating`, `candidate_genres`. History and candidate features that describe an item share one
vocabulary, named after the item feature.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from preprocessing.kinds.kind import Kind
from preprocessing.kinds.numeric import Numeric
from preprocessing.kinds.words import WordKind
from preprocessing.spec import DatasetSpec
from preprocessing.spec_match import ITEM_ID
from preprocessing.spec_statistics import Count, StatisticColumn

Side = Literal["request", "user", "context", "history", "candidate", "label", "catalog"]
Dtype = Literal["string", "int64", "float"]

REQUEST_ID = "request_id"
USER_ID = "user_id"
# What is counted of the user and items together; only in records of users as of now.
USER_STATISTICS = "user_statistics"
TIMESTAMP = "timestamp"  # of the request, seconds since 1970 UTC
HISTORY_ITEM_ID = "history_item_id"  # oldest first
HISTORY_TIMESTAMP = "history_timestamp"
CANDIDATE_ITEM_ID = "candidate_item_id"
# Transformed item ids that tell any two apart, whether the vocabulary has them or not; for matches.
HISTORY_ITEM_KEY = "history_item_key"
CANDIDATE_ITEM_KEY = "candidate_item_key"
TRAINING_EVENTS = "catalog_training_events"  # only in the records of split `catalog`
STATISTIC_LINES = "catalog_statistics"  # likewise: lines of the statistics table

CATALOG_ITEMS_A_RECORD = 500
# How models read statistics, by what a statistic says.
_SCALES: dict[Count, Literal["log", "linear", "logit"]] = {
    "events": "log",
    "positives": "log",
    "rate": "logit",
    "recency": "linear",
}
SPLITS = ("pretrain", "pretrain_validation", "train", "validation", "test", "catalog")


def feature_name(side: str, name: str) -> str:
    """The feature of a side (user, context, history or candidate) that a spec calls `name`."""
    return f"{side}_{name}"


def label_name(task: str) -> str:
    """The record feature that holds a task's labels, 0.0 or 1.0 a candidate."""
    return f"label_{task}"


def number_name(name: str) -> str:
    """The transformed feature with the numbers of another; no declared name is in capitals."""
    return f"{name}_NUMBER"


@dataclasses.dataclass(frozen=True)
class RecordFeature:
    """A feature of a raw record (tf.Example).

    It has one value per request, or one per behaviour of the history or per candidate.

    Absent values are "" (string) or NaN (float). Multivalent values are joined with `|` into one
    string.

    Attributes:
        name: Its name among the features of a record.
        side: What it describes.
        dtype: The type of its values.
        spec: Its declaration; None for ids, times and labels.
        statistic: What it is a statistic of, if it is one; it is then counted, not read from a
            column.
        owner: The section of the spec's features that declares it; "" if none does.
        field: Its name there; the task of labels, "" for ids and times.
    """

    name: str
    side: Side
    dtype: Dtype
    spec: Kind | None = None
    statistic: StatisticColumn | None = None
    owner: str = ""
    field: str = ""

    @property
    def is_list(self) -> bool:
        return self.side in ("history", "candidate", "label", "catalog")


@dataclasses.dataclass(frozen=True)
class ModelFeature:
    """A transformed feature: integer indices, where 0 means absent or padding.

    Attributes:
        name: Its name among the transformed features.
        field: Its name without the side; a history and a candidate feature with one field share
            embeddings.
        side: user, context, history or candidate.
        vocabulary: The id space; None for features of a kind without words.
        spec: Its declaration; None for item ids.
        describes_item: Whether it belongs to the item (id, side info) rather than to the behaviour.
        statistic: Whether it is a statistic, which of candidates has no counterpart in the history.
    """

    name: str
    field: str
    side: Side
    vocabulary: str | None
    spec: Kind | None
    describes_item: bool = False
    statistic: bool = False

    @property
    def multivalent(self) -> bool:
        return self.spec is not None and self.spec.multivalent

    @property
    def number(self) -> str | None:
        """The name of the transformed feature that has its numbers; None: it has indices alone."""
        has_number = self.spec is not None and self.spec.has_number
        return number_name(self.name) if has_number else None


def record_features(spec: DatasetSpec) -> list[RecordFeature]:
    """All features of a raw record, in a fixed order."""
    scalars: list[tuple[str, Side, Dtype]] = [
        (REQUEST_ID, "request", "string"),
        (USER_ID, "user", "string"),
        (TIMESTAMP, "context", "int64"),
    ]
    features = [RecordFeature(*scalar) for scalar in scalars]
    features += _described("user", "user", spec.features.user)
    features += _statistics("user", spec)
    if spec.statistics_of_users_items:
        features.append(RecordFeature(USER_STATISTICS, "user", "string", field="statistics"))
    features += _described("context", "context", spec.features.context)
    features.append(RecordFeature(HISTORY_ITEM_ID, "history", "string"))
    features.append(RecordFeature(HISTORY_TIMESTAMP, "history", "int64"))
    features += _described("history", "item", spec.features.item)
    features += _described("history", "behavior", spec.features.behavior)
    features.append(RecordFeature(CANDIDATE_ITEM_ID, "candidate", "string"))
    features += _described("candidate", "item", spec.features.item)
    features += _statistics("candidate", spec)
    for task in spec.tasks:
        features.append(RecordFeature(label_name(task), "label", "float", field=task))
    features.append(RecordFeature(TRAINING_EVENTS, "catalog", "int64"))
    if spec.features.statistics:
        features.append(RecordFeature(STATISTIC_LINES, "catalog", "string"))
    return features


def user_inputs(spec: DatasetSpec) -> list[RecordFeature]:
    """The raw features that `encode_user` takes: user, context and history."""
    return [f for f in record_features(spec) if f.side in ("user", "context", "history")]


def candidate_inputs(spec: DatasetSpec) -> list[RecordFeature]:
    """The raw features of candidates, their item id first."""
    return [f for f in record_features(spec) if f.side == "candidate"]


def model_features(spec: DatasetSpec) -> list[ModelFeature]:
    """All transformed features that models read, in a fixed order."""
    features = _model_features("user", "user", spec.features.user)
    features += _model_statistics("user", spec)
    features += _model_features("context", "context", spec.features.context)
    sides: tuple[Side, ...] = ("history", "candidate")
    for side in sides:
        name = feature_name(side, ITEM_ID)
        features.append(
            ModelFeature(name, ITEM_ID, side, vocabulary=ITEM_ID, spec=None, describes_item=True)
        )
        features += _model_features(side, "item", spec.features.item)
        if side == "history":
            features += _model_features(side, "behavior", spec.features.behavior)
    return features + _model_statistics("candidate", spec)


def needs_item_keys(spec: DatasetSpec) -> bool:
    """Whether a match compares item ids, so that the transform graph has to give their keys."""
    return any(ITEM_ID in match.fields_of(name) for name, match in spec.features.match.items())


def oov_buckets(feature: ModelFeature, spec: DatasetSpec) -> int:
    """How many embedding rows the words outside a feature's vocabulary share."""
    return feature.spec.oov_buckets if isinstance(feature.spec, WordKind) else spec.item_oov_buckets


def _described(side: Side, owner: str, declared: dict[str, Kind]) -> list[RecordFeature]:
    """The features of a side that a section of the spec declares and a column is read for."""
    features: list[RecordFeature] = []
    for field, kind in declared.items():
        name = feature_name(side, field)
        # A user feature called `id` is the user id, which every record has.
        if kind.checked_as and name != USER_ID:
            dtype: Dtype = "float" if kind.checked_as == "number" else "string"
            features.append(RecordFeature(name, side, dtype, kind, owner=owner, field=field))
    return features


def _model_features(side: Side, owner: str, declared: dict[str, Kind]) -> list[ModelFeature]:
    features: list[ModelFeature] = []
    for field, kind in declared.items():
        # History and candidates share the vocabulary of an item feature.
        vocabulary = f"{owner}_{field}" if kind.has_vocabulary else None
        name = feature_name(side, field)
        feature = ModelFeature(
            name,
            field,
            side,
            vocabulary=vocabulary,
            spec=kind,
            describes_item=owner == "item",
        )
        features.append(feature)
    return features


def _statistics(side: Side, spec: DatasetSpec) -> list[RecordFeature]:
    features: list[RecordFeature] = []
    for column in spec.statistic_columns(side):
        name = feature_name(side, column.name)
        kind = _kind_of(column)
        features.append(
            RecordFeature(name, side, "float", spec=kind, statistic=column, field=column.name)
        )
    return features


def _model_statistics(side: Side, spec: DatasetSpec) -> list[ModelFeature]:
    features: list[ModelFeature] = []
    for column in spec.statistic_columns(side):
        name = feature_name(side, column.name)
        kind = _kind_of(column)
        features.append(
            ModelFeature(name, column.name, side, vocabulary=None, spec=kind, statistic=True)
        )
    return features


def _kind_of(column: StatisticColumn) -> Kind:
    return Numeric(kind="numeric", scale=_SCALES[column.count])
