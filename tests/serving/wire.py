"""Requests through the real tensorflow-serving-api stubs and over plain HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
)

from tests.serving import toy_ranker
from tests.serving.conftest import Target

TIMEOUT_SECONDS = 60
# Of a channel that takes no more of a stream's answers than is asked for: by itself gRPC takes some
# megabytes.
UNREAD = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024)]

USER = {"user_id": ["1", "2"], "age": [0.5, 1.5], "history_item_id": [["7", "8"], ["9", ""]]}


def spec(
    message: Any,
    name: str = toy_ranker.NAME,
    version: int | None = None,
    label: str | None = None,
    signature: str = "",
) -> Any:
    """Fills a message's model_spec."""
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    if label is not None:
        message.model_spec.version_label = label
    return message


def predict_request(
    signature: str, inputs: Mapping[str, Any], output_filter: Sequence[str] = (), **where: Any
) -> predict_pb2.PredictRequest:
    """A PredictRequest of values that TensorFlow can convert."""
    request = spec(
        predict_pb2.PredictRequest(output_filter=output_filter), signature=signature, **where
    )
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def predict(
    target: Target, signature: str, inputs: Mapping[str, Any], **options: Any
) -> predict_pb2.PredictResponse:
    """A PredictResponse."""
    return target.prediction.Predict(
        predict_request(signature, inputs, **options), timeout=TIMEOUT_SECONDS
    )


def outputs(response: predict_pb2.PredictResponse) -> dict[str, np.ndarray]:
    """Its outputs as arrays."""
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def status_request(**where: Any) -> get_model_status_pb2.GetModelStatusRequest:
    return spec(get_model_status_pb2.GetModelStatusRequest(), **where)


def metadata_request(
    fields: Sequence[str] = ("signature_def",), **where: Any
) -> get_model_metadata_pb2.GetModelMetadataRequest:
    return spec(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields), **where)


def error_of(call: Callable[..., object], request: Any) -> tuple[grpc.StatusCode, str]:
    """The (status code, message) with which a call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=TIMEOUT_SECONDS)
    return caught.value.code(), caught.value.details()


def states(stub: model_service_pb2_grpc.ModelServiceStub) -> dict[int, str]:
    """Version -> state name of every version the server reports."""
    response = stub.GetModelStatus(status_request(), timeout=TIMEOUT_SECONDS)
    name_of = type(response.model_version_status[0]).State.Name
    return {status.version: name_of(status.state) for status in response.model_version_status}


def http_json(address: str, path: str, body: Any = None) -> tuple[int, Any]:
    """(HTTP status, document) of a GET, or a POST of `body`."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("GET" if body is None else "POST", path, encoded)
    response = connection.getresponse()
    document = json.loads(response.read().decode(errors="surrogateescape"))
    connection.close()
    return response.status, document


def slow_request(target: Target, seconds: float) -> predict_pb2.PredictRequest:
    """A request that takes about `seconds` on this machine."""
    count = 20_000
    predict(target, "countdown", {"n": np.array([1], np.int64)})
    began = time.monotonic()
    predict(target, "countdown", {"n": np.array([count], np.int64)})
    return predict_request(
        "countdown", {"n": np.array([count * seconds / (time.monotonic() - began)], np.int64)}
    )
