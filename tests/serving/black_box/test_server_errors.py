"""The errors of TensorFlow Serving: status code and message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from serving import contract
from tests.serving import wire
from tests.serving.conftest import Target

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
SCORE = contract.SCORE_ITEMS
ITEMS = {"candidate_item_id": [["1"]]}
STATE = {"user_state_bytes": ["1|5"]}


def predict_error(
    target: Target, signature: str, inputs: Mapping[str, Any], **options: Any
) -> tuple[grpc.StatusCode, str]:
    return wire.error_of(
        target.prediction.Predict, wire.predict_request(signature, inputs, **options)
    )


def test_no_model_spec(target: Target) -> None:
    assert wire.error_of(target.prediction.Predict, predict_pb2.PredictRequest()) == (
        INVALID,
        "Missing ModelSpec",
    )
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    assert wire.error_of(target.prediction.GetModelMetadata, metadata) == (
        INVALID,
        "Missing ModelSpec",
    )
    status = get_model_status_pb2.GetModelStatusRequest()
    assert wire.error_of(target.model.GetModelStatus, status) == (INVALID, "Missing ModelSpec")


def test_empty_name(target: Target) -> None:
    expected = (INVALID, "ModelSpec has no name specified.")
    assert predict_error(target, SCORE, ITEMS, name="") == expected
    assert (
        wire.error_of(target.prediction.GetModelMetadata, wire.metadata_request(name=""))
        == expected
    )


def test_unknown_model(target: Target) -> None:
    expected = (NOT_FOUND, "Servable not found for request: Latest(nope)")
    assert predict_error(target, SCORE, ITEMS, name="nope") == expected
    assert (
        wire.error_of(target.prediction.GetModelMetadata, wire.metadata_request(name="nope"))
        == expected
    )
    pinned = (NOT_FOUND, "Servable not found for request: Specific(nope, 3)")
    assert predict_error(target, SCORE, ITEMS, name="nope", version=3) == pinned


def test_unknown_version(target: Target) -> None:
    expected = (NOT_FOUND, "Servable not found for request: Specific(toy, 99)")
    assert predict_error(target, SCORE, ITEMS, version=99) == expected


def test_unknown_label(target: Target) -> None:
    expected = (INVALID, "Unrecognized servable version label: canary")
    assert predict_error(target, SCORE, ITEMS, label="canary") == expected


def test_unknown_signature(target: Target) -> None:
    expected = (grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "zz" not found.')
    assert predict_error(target, "zz", ITEMS) == expected


def test_a_signature_that_isnt_for_requests(target: Target) -> None:
    code, message = predict_error(target, "__saved_model_init_op", {})
    assert code == grpc.StatusCode.INTERNAL
    assert message.startswith(
        "Expected prediction signature method_name to be one of {tensorflow/serving/predict, "
    )


def test_missing_input(target: Target) -> None:
    message = (
        "input size does not match signature: 1!=2 len({candidate_item_id}) != "
        "len({candidate_item_id,user_state_bytes}). Sent extra: {}. Missing but required: "
        "{user_state_bytes}."
    )
    assert predict_error(target, SCORE, ITEMS) == (INVALID, message)


def test_extra_input(target: Target) -> None:
    message = (
        "input size does not match signature: 3!=2 len({candidate_item_id,other,user_state_bytes}) "
        "!= "
        "len({candidate_item_id,user_state_bytes}). Sent extra: {other}. Missing but required: {}."
    )
    assert predict_error(target, SCORE, ITEMS | STATE | {"other": [1]}) == (INVALID, message)


def test_misnamed_input(target: Target) -> None:
    code, message = predict_error(target, SCORE, ITEMS | {"state": ["1|5"]})
    assert code == INVALID
    assert message == (
        "Signature input alias: user_state_bytes(feed name: score_items_user_state_bytes:0) not "
        "found in request "
        "and no default value provided. Inputs expected to be in the request "
        "{candidate_item_id,state}, "
        "or default input alias set: "
    )


def test_wrong_dtype_is_the_sessions_own_error(target: Target) -> None:
    code, message = predict_error(target, "countdown", {"n": np.array([1], np.float32)})
    assert code == INVALID
    assert message.startswith("Expects arg[0] to be int64 but float is provided")


def test_an_assertion_in_the_graph(target: Target) -> None:
    user = {"user_id": ["1", "2"], "age": [0.0, 0.0], "history_item_id": [["1"]]}
    code, message = predict_error(target, contract.ENCODE_USER, user)
    assert code == INVALID
    assert "rows must agree" in message and "Traceback" not in message


def test_another_versions_state(target: Target) -> None:
    code, message = predict_error(target, SCORE, ITEMS | {"user_state_bytes": ["7|5"]})
    assert code == INVALID and "another model version" in message


def test_a_tensor_whose_values_dont_fit_its_shape(target: Target) -> None:
    request = wire.predict_request(SCORE, ITEMS | STATE)
    del request.inputs["user_state_bytes"].tensor_shape.dim[:]
    request.inputs["user_state_bytes"].string_val.append(b"1|6")
    code, _ = wire.error_of(target.prediction.Predict, request)
    assert code == INVALID


@pytest.mark.parametrize(
    ("output_filter", "message"),
    [
        (
            ["nope"],
            "output tensor alias not found in signature: nope Outputs expected to be in the set "
            "{click,order}.",
        ),
        (["click", "click"], "duplicate output tensor alias: click"),
    ],
)
def test_bad_output_filter(target: Target, output_filter: list[str], message: str) -> None:
    assert predict_error(target, SCORE, ITEMS | STATE, output_filter=output_filter) == (
        INVALID,
        message,
    )


def test_long_messages_are_cut(target: Target) -> None:
    code, message = predict_error(target, "countdown", {"n": np.array([-1], np.int64)})
    assert code == INVALID
    assert message.startswith("assertion failed: [n must not be negative xxx")
    assert len(message) == 1024 + len("...TRUNCATED") and message.endswith("x...TRUNCATED")


def test_status_of_an_unknown_model_or_version(target: Target) -> None:
    unknown_model = wire.error_of(target.model.GetModelStatus, wire.status_request(name="nope"))
    assert unknown_model == (NOT_FOUND, "Could not find any versions of model nope")
    unknown_version = wire.error_of(target.model.GetModelStatus, wire.status_request(version=99))
    assert unknown_version == (NOT_FOUND, "Could not find version 99 of model toy")


def test_metadata_fields(target: Target) -> None:
    call = target.prediction.GetModelMetadata
    none = (INVALID, "GetModelMetadataRequest must specify at least one metadata_field")
    assert wire.error_of(call, wire.metadata_request(fields=[])) == none
    other = (INVALID, "Metadata field other is not supported")
    assert wire.error_of(call, wire.metadata_request(fields=["other"])) == other
