"""Predict, GetModelMetadata and GetModelStatus by numbers, through the real stubs."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2

from serving import contract
from tests.serving import toy_ranker, wire
from tests.serving.conftest import Target

CANDIDATES = {"candidate_item_id": [["1", "2", ""], ["3", "", ""]]}
CLICKS = [[1 + 0.5 + 2 + 10, 1 + 0.5 + 2 + 20, 0], [2 + 1.5 + 1 + 30, 0, 0]]


def encoded(target: Target) -> np.ndarray:
    return wire.outputs(wire.predict(target, contract.ENCODE_USER, wire.USER))["user_state_bytes"]


def test_encode_then_score(target: Target) -> None:
    states = encoded(target)
    response = wire.predict(target, contract.SCORE_ITEMS, {"user_state_bytes": states} | CANDIDATES)
    scores = wire.outputs(response)
    np.testing.assert_allclose(scores["click"], CLICKS)
    np.testing.assert_allclose(scores["order"], np.array(CLICKS) / 2)


def test_score_with_features(target: Target) -> None:
    features = {"candidate_price": [[0.25, np.nan, 5]] * 2, "candidate_brand": [["b", "", ""]] * 2}
    inputs = {"user_state_bytes": encoded(target)} | CANDIDATES | features
    scores = wire.outputs(wire.predict(target, contract.SCORE_ITEMS_WITH_FEATURES, inputs))
    expected = np.array(CLICKS) + [[1000.25, 0, 0], [1000.25, 0, 0]]
    np.testing.assert_allclose(scores["click"], expected)


def test_serving_default_is_the_default(target: Target) -> None:
    values = {"user_id": [b"3"], "history_item_id": [b"1", b"2"], "candidate_item_id": [b"4", b"5"]}
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        for name, value in values.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    response = wire.predict(target, "", {"examples": [example]})
    assert response.model_spec.signature_name == contract.SERVING_DEFAULT
    scores = wire.outputs(response)
    assert scores["click"].tolist() == [[45, 55]]
    assert scores["candidate_mask"].tolist() == [[True, True]]


def test_model_spec_is_echoed_with_the_version_served(target: Target) -> None:
    spec = wire.predict(target, contract.ENCODE_USER, wire.USER).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == (
        toy_ranker.NAME,
        1,
        contract.ENCODE_USER,
    )


def test_a_pinned_version_is_used(target: Target) -> None:
    assert (
        wire.predict(target, contract.ENCODE_USER, wire.USER, version=1).model_spec.version.value
        == 1
    )


TYPED = {
    "half": np.array([1.5, -2], np.float16),
    "double": np.array([1e300, 2]),
    "int8": np.array([-8, 7], np.int8),
    "int64": np.array([2**62, -1]),
    "bool": np.array([True, False]),
    "string": np.array([b"\xff\0", b""], object),
}


def test_answers_are_in_the_typed_fields(target: Target) -> None:
    response = wire.predict(target, "types", TYPED)
    assert all(not proto.tensor_content for proto in response.outputs.values())
    assert list(response.outputs["int8"].int_val) == [-8, 7]
    assert list(response.outputs["half"].half_val) == [0x3E00, 0xC000]
    found = wire.outputs(response)
    for name, value in TYPED.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_requests_may_use_the_typed_fields(target: Target) -> None:
    request = wire.predict_request("types", TYPED)
    for name in ("double", "int64"):
        request.inputs[name].tensor_content = b""
        getattr(request.inputs[name], f"{name}_val").extend(TYPED[name].tolist())
    response = target.prediction.Predict(request, timeout=wire.TIMEOUT_SECONDS)
    found = wire.outputs(response)
    np.testing.assert_array_equal(found["double"], TYPED["double"])
    np.testing.assert_array_equal(found["int64"], TYPED["int64"])


def test_output_filter(target: Target) -> None:
    inputs = {"user_state_bytes": encoded(target)} | CANDIDATES
    response = wire.predict(target, contract.SCORE_ITEMS, inputs, output_filter=["order"])
    assert set(response.outputs) == {"order"}
    np.testing.assert_allclose(wire.outputs(response)["order"], np.array(CLICKS) / 2)


def test_metadata_has_every_signature(target: Target) -> None:
    response = target.prediction.GetModelMetadata(
        wire.metadata_request(), timeout=wire.TIMEOUT_SECONDS
    )
    assert (response.model_spec.name, response.model_spec.version.value) == (toy_ranker.NAME, 1)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    inputs = signatures.signature_def[contract.SCORE_ITEMS].inputs
    assert set(inputs) == {"user_state_bytes", "candidate_item_id"}
    assert inputs["candidate_item_id"].dtype == tf.string.as_datatype_enum
    assert len(inputs["candidate_item_id"].tensor_shape.dim) == 2
    assert set(signatures.signature_def[contract.SCORE_ITEMS].outputs) == {"click", "order"}


def test_status_of_all_versions_and_of_one(target: Target) -> None:
    assert wire.states(target.model) == {1: "AVAILABLE"}
    one = target.model.GetModelStatus(wire.status_request(version=1), timeout=wire.TIMEOUT_SECONDS)
    assert [(status.version, status.status.error_code) for status in one.model_version_status] == [
        (1, 0)
    ]
