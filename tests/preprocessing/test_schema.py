"""The curated schema against the features of a spec, and against real records."""

import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import tf_example_record

from preprocessing.encoding import encode_records
from preprocessing.features import record_features
from preprocessing.schema import build_schema, evaluated_schema
from tests.testing import small_spec


def test_every_feature_has_a_type_and_a_tensor() -> None:
    spec = small_spec()
    schema = build_schema(spec)
    tensors = schema.tensor_representation_group[""].tensor_representation
    names = {feature.name for feature in record_features(spec)}
    assert {feature.name for feature in schema.feature} == names
    assert set(tensors) == names
    for feature in record_features(spec):
        kind = "ragged_tensor" if feature.is_list else "dense_tensor"
        assert tensors[feature.name].WhichOneof("kind") == kind
    counts = {feature.name: feature.value_count.max for feature in schema.feature}
    assert (
        counts["history_item_id"] == 5
        and counts["label_buy"] == 3
        and counts["candidate_item_id"] == 500
    )


def test_the_evaluator_reads_a_part_of_it() -> None:
    whole = {feature.name: feature for feature in build_schema(small_spec()).feature}
    part = evaluated_schema(small_spec())
    for feature in part.feature:
        assert feature == whole[feature.name]
    names = {feature.name for feature in part.feature}
    assert names >= {"user_id", "history_item_id", "label_buy", "context_device"}
    assert not [name for name in names if name.startswith("candidate_")]
    assert set(part.tensor_representation_group[""].tensor_representation) == names


def test_the_evaluator_reads_no_statistics_of_users() -> None:
    features = small_spec().features.model_dump() | {"statistics": {"user": {"windows": ["all"]}}}
    spec = small_spec(features=features)
    statistics = {feature.name for feature in record_features(spec) if feature.statistic}
    assert statistics and statistics <= {feature.name for feature in build_schema(spec).feature}
    assert not statistics & {feature.name for feature in evaluated_schema(spec).feature}


def test_tfxio_reads_records_into_the_declared_tensors() -> None:
    spec = small_spec()
    records = encode_records(record_features(spec), 2, {"user_id": pa.array(["a", "b"])}, {})
    reader = tf_example_record.TFExampleBeamRecord(
        physical_format="inmem", schema=build_schema(spec)
    )
    adapter = reader.TensorAdapter()
    batch = example_coder.ExamplesToRecordBatchDecoder(
        build_schema(spec).SerializeToString()
    ).DecodeBatch(records)
    tensors = adapter.ToBatchTensors(batch)
    assert tensors["user_id"].shape == (2,) and tensors["user_id"].numpy().tolist() == [b"a", b"b"]
    assert isinstance(tensors["history_item_id"], tf.RaggedTensor)
    assert tensors["history_item_id"].row_lengths().numpy().tolist() == [0, 0]
    assert tf.math.is_nan(tensors["user_age"]).numpy().all()
