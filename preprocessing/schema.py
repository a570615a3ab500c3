"""The schema of raw records: types, presence, value counts, domains, and Transform's tensors."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow_metadata.proto.v0 import schema_pb2

from preprocessing.features import (
    CATALOG_ITEMS_A_RECORD,
    HISTORY_ITEM_ID,
    RecordFeature,
    record_features,
)
from preprocessing.spec import DatasetSpec

_TYPES = {"string": schema_pb2.BYTES, "int64": schema_pb2.INT, "float": schema_pb2.FLOAT}
_TENSOR_GROUP = ""  # the name under which TensorFlow Transform looks for tensors


def build_schema(spec: DatasetSpec) -> schema_pb2.Schema:
    """The schema of the records that `spec` describes.

    Scalars become dense tensors [B], lists ragged ones [B, (L)].
    """
    return _schema_of(spec, record_features(spec))


def evaluated_schema(spec: DatasetSpec) -> schema_pb2.Schema:
    """The part of the schema that the Evaluator reads for itself; models parse the records.

    That is what slices are by, labels, and how long histories are. Candidates and behaviours have
    most of the values, which take longer to read than to score.
    """
    read = []
    for feature in record_features(spec):
        is_sliced_by = feature.side in ("user", "context") and feature.statistic is None
        if feature.name == HISTORY_ITEM_ID or feature.side == "label" or is_sliced_by:
            read.append(feature)
    return _schema_of(spec, read)


def _schema_of(spec: DatasetSpec, features: Sequence[RecordFeature]) -> schema_pb2.Schema:
    schema = schema_pb2.Schema()
    group = schema.tensor_representation_group[_TENSOR_GROUP]
    for feature in features:
        _add_feature(schema, spec, feature)
        tensor = group.tensor_representation[feature.name]
        if feature.is_list:
            tensor.ragged_tensor.feature_path.step.append(feature.name)
            tensor.ragged_tensor.row_partition_dtype = (
                schema_pb2.TensorRepresentation.RowPartitionDType.INT64
            )
        else:
            tensor.dense_tensor.column_name = feature.name
            tensor.dense_tensor.shape.SetInParent()
    return schema


def _add_feature(schema: schema_pb2.Schema, spec: DatasetSpec, feature: RecordFeature) -> None:
    added = schema.feature.add(name=feature.name, type=_TYPES[feature.dtype])
    added.presence.min_fraction = 1.0
    added.presence.min_count = 1
    if feature.dtype == "int64":
        added.int_domain.min = 0
    if not feature.is_list:
        added.shape.SetInParent()
        return
    added.value_count.min = 0
    added.value_count.max = _longest(spec, feature)
    if feature.side == "label":
        added.float_domain.min = 0.0
        added.float_domain.max = 1.0


def _longest(spec: DatasetSpec, feature: RecordFeature) -> int:
    """The most values that a list has; the candidates of split `catalog` are catalogue items."""
    most = spec.candidates.max_per_request
    by_side = {"history": spec.history.length, "label": most, "catalog": CATALOG_ITEMS_A_RECORD}
    return by_side.get(feature.side, max(most, CATALOG_ITEMS_A_RECORD))
