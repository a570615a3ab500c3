"""The REST interface: both forms, status, metadata, errors."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from serving import contract
from tests.serving import wire
from tests.serving.conftest import Target

MODEL = "/v1/models/toy"
STATES = {"user_state_bytes": ["1|5", "1|6"]}
ITEMS = {"candidate_item_id": [["1", "2"], ["3", ""]]}
TYPED = {
    "double": [0.1],
    "int8": [-3],
    "int64": [2**53 + 1],
    "bool": [True],
    "string": [{"b64": "/wA="}],
}
Http: TypeAlias = Callable[..., tuple[int, Any]]


@pytest.fixture
def http(target: Target) -> Http:
    if not target.rest_address:
        pytest.skip("TFS_REST_ADDRESS names no server")
    return lambda path, body=None: wire.http_json(target.rest_address, path, body)


def test_column_form(http: Http) -> None:
    body = {"signature_name": contract.SCORE_ITEMS, "inputs": STATES | ITEMS}
    code, document = http(f"{MODEL}:predict", body)
    assert code == 200
    assert document == {"outputs": {"click": [[15, 25], [36, 0]], "order": [[7.5, 12.5], [18, 0]]}}


def test_row_form(http: Http) -> None:
    rows = [
        {"user_state_bytes": "1|5", "candidate_item_id": ["1", "2"]},
        {"user_state_bytes": "1|6", "candidate_item_id": ["3", ""]},
    ]
    code, document = http(
        f"{MODEL}:predict", {"signature_name": contract.SCORE_ITEMS, "instances": rows}
    )
    assert code == 200
    assert document == {
        "predictions": [
            {"click": [15, 25], "order": [7.5, 12.5]},
            {"click": [36, 0], "order": [18, 0]},
        ]
    }


def test_a_single_input_and_output_are_bare(http: Http) -> None:
    code, document = http(f"{MODEL}:predict", {"signature_name": "countdown", "instances": [2, 3]})
    assert (code, document) == (200, {"predictions": [0, 1]})
    code, document = http(f"{MODEL}:predict", {"signature_name": "countdown", "inputs": [2]})
    assert (code, document) == (200, {"outputs": [0]})


def test_a_pinned_version(http: Http) -> None:
    body = {"signature_name": "countdown", "inputs": [2]}
    assert http(f"{MODEL}/versions/1:predict", body) == (200, {"outputs": [0]})
    missing = (404, {"error": "Servable not found for request: Specific(toy, 9)"})
    assert http(f"{MODEL}/versions/9:predict", body) == missing


def test_states_survive_the_way_through_json(http: Http) -> None:
    user = {"user_id": ["1"], "age": [0.5], "history_item_id": [["7"]]}
    code, document = http(
        f"{MODEL}:predict", {"signature_name": contract.ENCODE_USER, "inputs": user}
    )
    assert code == 200
    assert document["outputs"] == [{"b64": base64.b64encode(b"1|2.500000").decode()}]
    inputs = {"user_state_bytes": document["outputs"], "candidate_item_id": [["1"]]}
    body = {"signature_name": contract.SCORE_ITEMS, "inputs": inputs}
    assert http(f"{MODEL}:predict", body)[1]["outputs"]["click"] == [[12.5]]


def test_nan_is_a_number(http: Http) -> None:
    user = b'{"user_id": ["1"], "age": [NaN], "history_item_id": [["7"]]}'
    body = b'{"signature_name": "encode_user", "inputs": %s}' % user
    code, document = http(f"{MODEL}:predict", body)
    assert (code, document) == (
        200,
        {"outputs": [{"b64": base64.b64encode(b"1|2.000000").decode()}]},
    )


def test_status(http: Http) -> None:
    expected = {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    assert http(MODEL) == (200, expected)
    assert http(f"{MODEL}/versions/1") == (200, expected)
    assert http("/v1/models/nope") == (404, {"error": "Could not find any versions of model nope"})


def test_metadata(http: Http) -> None:
    code, document = http(f"{MODEL}/metadata")
    assert code == 200
    assert document["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signature = document["metadata"]["signature_def"]["signature_def"][contract.SCORE_ITEMS]
    assert signature["inputs"]["user_state_bytes"]["dtype"] == "DT_STRING"
    assert signature["inputs"]["user_state_bytes"]["tensor_shape"]["dim"] == [
        {"size": "-1", "name": ""}
    ]
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: "),
        (b"[1]", "Is not object"),
        ({"instances": [2], "signature_name": 3}, "'signature_name' key must be a string value."),
        (
            {"signature_name": "zz", "inputs": [1]},
            'Serving signature name: "zz" not found in signature def',
        ),
        ({"signature_name": "countdown"}, "Missing 'inputs' or 'instances' key"),
        (
            {"signature_name": "countdown", "inputs": [1], "instances": [1]},
            "only one of 'inputs' or 'instances'",
        ),
        (
            {"signature_name": "countdown", "instances": 1},
            "Expecting 'instances' to be an list/array",
        ),
        ({"signature_name": "countdown", "instances": []}, "No values in 'instances' array"),
        (
            {"signature_name": "countdown", "instances": ["x"]},
            "Type: String is not of expected type: int64",
        ),
        (
            {"signature_name": "countdown", "inputs": [1.5]},
            "Type: Number is not of expected type: int64",
        ),
        (
            {"signature_name": "countdown", "inputs": [[1], [2, 3]]},
            "Encountered list at unexpected size: 2 at level: 1",
        ),
        (
            {"signature_name": "countdown", "inputs": [1, [2]]},
            "Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            {"signature_name": "countdown", "inputs": [[1], 2]},
            "found at incorrect level: 2 in the JSON DOM",
        ),
        (
            {"signature_name": "score_items", "instances": [["1"]]},
            "instances is a plain list, but expecting",
        ),
        (
            {"signature_name": "score_items", "inputs": [["1"]]},
            "inputs is a plain value/list, but expecting",
        ),
        (
            {"signature_name": "score_items", "inputs": STATES},
            "Missing named input: candidate_item_id in 'inputs'",
        ),
        (
            {"signature_name": "score_items", "instances": [{"x": 1}]},
            "does not have named input: x",
        ),
        (
            {"signature_name": "score_items", "instances": [{"user_state_bytes": "1|5"}]},
            "keys must be equal to: candidate_",
        ),
        (
            {"signature_name": "countdown", "instances": [{"n": 1}, 2]},
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"signature_name": "countdown", "instances": [1, {"n": 2}]},
            "Expecting value/list but got object at item 1",
        ),
        ({"signature_name": "countdown", "instances": [[1], [2, 3]]}, "but got: "),
        ({"inputs": [{"b64": "*"}]}, "Unable to base64 decode"),
    ],
)
def test_bad_requests(http: Http, body: Any, message: str) -> None:
    code, document = http(f"{MODEL}:predict", body)
    assert code == 400
    assert message in document["error"]


def test_half_has_no_json(http: Http) -> None:
    code, document = http(
        f"{MODEL}:predict", {"signature_name": "types", "inputs": TYPED | {"half": [1.5]}}
    )
    assert code == 501
    assert "to type: half" in document["error"]


def test_malformed_paths(http: Http) -> None:
    assert http(f"{MODEL}:guess", {}) == (
        400,
        {"error": "Malformed request: POST /v1/models/toy:guess"},
    )
    assert http(f"{MODEL}:predict") == (
        400,
        {"error": "Malformed request: GET /v1/models/toy:predict"},
    )


def test_errors_of_the_graph_are_not_cut(http: Http) -> None:
    code, document = http(f"{MODEL}:predict", {"signature_name": "countdown", "inputs": [-1]})
    assert code == 400
    assert len(document["error"]) > 2000
