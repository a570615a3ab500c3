"""Classify, Regress and MultiInference, over gRPC and REST, of TF1 and TF2 models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from serving import contract
from serving.server import (
    ModelServer,
    RequestLimits,
    RuntimeOptions,
    ServerOptions,
    ServerStartError,
)
from serving.server.config.batching import BatchingParameters
from tests.serving import half_plus_two as model
from tests.serving import toy_ranker, wire
from tests.serving.conftest import Connect, StartServer, Target

INVALID = grpc.StatusCode.INVALID_ARGUMENT
METHODS = {"classify": "tensorflow/serving/classify", "regress": "tensorflow/serving/regress"}


@pytest.fixture(scope="module", params=["tf1", "tf2", "tf2 batched"])
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    base = tmp_path_factory.mktemp("half_plus_two")
    (model.save_tf1 if request.param == "tf1" else model.save_tf2)(base / "7")
    batching = BatchingParameters() if "batched" in request.param else None
    options = ServerOptions(
        runtime=RuntimeOptions(batching=batching), limits=RequestLimits(max_rows=50)
    )
    with ModelServer("toy", base, grpc_port=0, rest_port=0, options=options) as server:
        yield Target(f"127.0.0.1:{server.grpc_port}", f"127.0.0.1:{server.rest_port}")


def _fill(request: Any, *values: float) -> Any:
    for value in values:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(value)
    return request


def _classification(signature: str, *values: float) -> classification_pb2.ClassificationRequest:
    return _fill(
        wire.spec(classification_pb2.ClassificationRequest(), signature=signature), *values
    )


def _regression(signature: str, *values: float) -> regression_pb2.RegressionRequest:
    return _fill(wire.spec(regression_pb2.RegressionRequest(), signature=signature), *values)


def _multi(*tasks: tuple[str, str]) -> inference_pb2.MultiInferenceRequest:
    request = inference_pb2.MultiInferenceRequest()
    for method, signature in tasks:
        task = request.tasks.add(method_name=METHODS.get(method, method))
        wire.spec(task, signature=signature)
    return _fill(request, 2.0, 4.0)


def _told(spec: Any) -> tuple[str, str, int]:
    return spec.name, spec.signature_name, spec.version.value


def test_classify(target: Target) -> None:
    request = _classification(model.CLASSIFY, 2.0, 4.0)
    response = target.prediction.Classify(request, timeout=wire.TIMEOUT_SECONDS)
    rows = [
        [(cell.label, cell.score) for cell in row.classes]
        for row in response.result.classifications
    ]
    assert rows == [[("", 3.0)], [("", 4.0)]]
    assert _told(response.model_spec) == ("toy", model.CLASSIFY, 7)


def test_classify_with_labels(target: Target) -> None:
    response = target.prediction.Classify(
        _classification(model.BOTH, 2.0), timeout=wire.TIMEOUT_SECONDS
    )
    (row,) = response.result.classifications
    assert [(cell.label, cell.score) for cell in row.classes] == [("yes", 3.0), ("no", -3.0)]


def test_regress(target: Target) -> None:
    response = target.prediction.Regress(
        _regression(model.REGRESS, 2.0, 4.0), timeout=wire.TIMEOUT_SECONDS
    )
    assert [row.value for row in response.result.regressions] == [3.0, 4.0]
    assert _told(response.model_spec) == ("toy", model.REGRESS, 7)


def test_an_examples_own_features_come_before_the_contexts(target: Target) -> None:
    request = wire.spec(regression_pb2.RegressionRequest(), signature=model.REGRESS)
    where = request.input.example_list_with_context
    where.context.features.feature["x"].float_list.value.append(8.0)
    where.examples.add()
    where.examples.add().features.feature["x"].float_list.value.append(2.0)
    response = target.prediction.Regress(request, timeout=wire.TIMEOUT_SECONDS)
    assert [row.value for row in response.result.regressions] == [6.0, 3.0]


def test_multi_inference(target: Target) -> None:
    request = _multi(("regress", model.REGRESS), ("classify", model.BOTH))
    response = target.prediction.MultiInference(request, timeout=wire.TIMEOUT_SECONDS)
    regression, classification = response.results
    assert [row.value for row in regression.regression_result.regressions] == [3.0, 4.0]
    rows = classification.classification_result.classifications
    assert [[(cell.label, cell.score) for cell in row.classes] for row in rows] == [
        [("yes", 3.0), ("no", -3.0)],
        [("yes", 4.0), ("no", -4.0)],
    ]
    assert [_told(result.model_spec) for result in response.results] == [
        ("toy", model.REGRESS, 7),
        ("toy", model.BOTH, 7),
    ]


@pytest.mark.parametrize(
    ("method", "make", "code", "said"),
    [
        (
            "Classify",
            lambda: classification_pb2.ClassificationRequest(),
            INVALID,
            "Missing ModelSpec",
        ),
        ("Regress", lambda: regression_pb2.RegressionRequest(), INVALID, "Missing ModelSpec"),
        ("Classify", lambda: _classification(model.CLASSIFY), INVALID, "Input is empty."),
        (
            "Classify",
            lambda: _classification("zz", 1.0),
            INVALID,
            "No signature was found with the name: zz",
        ),
        (
            "Regress",
            lambda: _regression("", 1.0),
            INVALID,
            f"No signature was found with the name: {contract.SERVING_DEFAULT}",
        ),
        (
            "Classify",
            lambda: _classification(model.REGRESS, 1.0),
            INVALID,
            "Expected classification signature outputs to contain at least one of",
        ),
        ("Regress", lambda: _regression(model.BOTH, 1.0), INVALID, "Expected one output Tensor."),
        (
            "Regress",
            lambda: _regression(model.CLASSIFY, 1.0),
            INVALID,
            "No regression outputs found in SignatureDef",
        ),
        (
            "Regress",
            lambda: _regression(model.WRONG, 1.0),
            INVALID,
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            "[1,2]",
        ),
        (
            "Regress",
            lambda: _regression(model.REGRESS, *[1.0] * 51),
            INVALID,
            "at most 50 examples. Received: 51",
        ),
        ("MultiInference", _multi, INVALID, "ModelSpec has no name specified."),
        (
            "MultiInference",
            lambda: _multi(("regress", model.REGRESS), ("classify", model.REGRESS)),
            INVALID,
            f"Duplicate evaluation of signature: {model.REGRESS}",
        ),
        (
            "MultiInference",
            lambda: _multi(("regress", "zz")),
            INVALID,
            "Requested signature not found in model graph: zz",
        ),
        (
            "MultiInference",
            lambda: _multi(("tensorflow/serving/predict", model.REGRESS)),
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
    ],
)
def test_errors_are_tensorflow_servings(
    target: Target, method: str, make: Callable[[], Any], code: grpc.StatusCode, said: str
) -> None:
    found, details = wire.error_of(getattr(target.prediction, method), make())
    assert found == code and said in details


def test_multi_inference_is_of_one_model(target: Target) -> None:
    request = _multi(("regress", model.REGRESS), ("classify", model.CLASSIFY))
    request.tasks[1].model_spec.name = "other"
    message = "All ModelSpecs in a MultiInferenceRequest must access the same model name."
    assert wire.error_of(target.prediction.MultiInference, request) == (INVALID, message)


def _post(target: Target, method: str, **body: Any) -> tuple[int, Any]:
    return wire.http_json(target.rest_address, f"/v1/models/toy:{method}", body)


def test_classify_over_rest(target: Target) -> None:
    examples = [{"x": 2.0}, {"x": [4.0]}]
    answer = _post(target, "classify", signature_name=model.BOTH, examples=examples)
    assert answer == (
        200,
        {"results": [[["yes", 3.0], ["no", -3.0]], [["yes", 4.0], ["no", -4.0]]]},
    )


def test_regress_over_rest(target: Target) -> None:
    body = {"signature_name": model.REGRESS, "context": {"x": 8.0}, "examples": [{}, {"x": 2.2}]}
    path = "/v1/models/toy/versions/7:regress"
    assert wire.http_json(target.rest_address, path, body) == (200, {"results": [6.0, 3.1]})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "When method is classify, key 'examples' is expected and was not found"),
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [[1.0]]}]}, "Feature: x has element with unexpected JSON type: Array"),
        (
            {"examples": [{"x": [1.0, "a"]}]},
            "Unexpected element type in feature: x expecting type: float",
        ),
        (
            {"examples": [{"x": [1, 1.5]}]},
            "Unexpected element type in feature: x expecting type: int64",
        ),
        (
            {"examples": [{"x": 2**63}]},
            "Feature: x has uint64_t element. Only int64_t is supported.",
        ),
        ({"examples": [{"x": 1e300}]}, "Feature: x has an element that is no float: 1e+300"),
        ({"examples": [{"x": "text"}]}, "x"),
        ({"signature_name": 1, "examples": [{}]}, "'signature_name' key must be a string value."),
    ],
)
def test_errors_over_rest(target: Target, body: Any, said: str) -> None:
    status, document = _post(target, "regress", **({"signature_name": model.REGRESS} | body))
    assert status == 400 and said in document["error"]


def test_a_document_nested_deeply(target: Target) -> None:
    body = b'{"examples": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    status, document = wire.http_json(target.rest_address, "/v1/models/toy:classify", body)
    assert (status, document["error"]) == (
        400,
        "JSON Parse error: Lists and objects are nested too deeply.",
    )


def test_they_are_warmed_up_and_counted(
    tmp_path: Path, start: StartServer, connect: Connect
) -> None:
    path = model.save_tf1(tmp_path / "m" / "1")
    logs = [prediction_log_pb2.PredictionLog() for _ in range(3)]
    logs[0].classify_log.request.CopyFrom(_classification(model.CLASSIFY, 1.0))
    logs[1].regress_log.request.CopyFrom(_regression(model.REGRESS, 1.0))
    logs[2].multi_inference_log.request.CopyFrom(_multi(("regress", model.REGRESS)))
    toy_ranker.write_warmup(path, logs)
    server = start(path.parent)
    target = connect(server)
    target.prediction.Classify(_classification(model.CLASSIFY, 2.0), timeout=wire.TIMEOUT_SECONDS)
    assert _post(target, "regress", signature_name=model.REGRESS, examples=[{}])[0] == 200
    page = server._api.metrics.page().decode()
    for labels in ('API="Classify",entrypoint="GRPC"', 'API="regress",entrypoint="REST"'):
        assert f':tensorflow:serving:request_latency_count{{{labels},model_name="toy"}} 1.0' in page
    assert f'model_warmup_records_read{{model_path="{path.parent}",status="success"}} 3.0' in page


def test_a_warm_up_record_that_fails_fails_the_load(tmp_path: Path, start: StartServer) -> None:
    path = model.save_tf1(tmp_path / "m" / "1")
    log = prediction_log_pb2.PredictionLog()
    log.regress_log.request.CopyFrom(_regression("zz", 1.0))
    toy_ranker.write_warmup(path, [log])
    with pytest.raises(ServerStartError, match="No signature was found with the name: zz"):
        start(path.parent)
