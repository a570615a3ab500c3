"""Requests through the real tensorflow-serving-api stubs and over plain HTTP."""

import http.client
import json
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from tests.serving import toy_ranker

TIMEOUT_SECONDS = 60

USER = {"user_id": ["1", "2"], "age": [0.5, 1.5], "history_item_id": [["7", "8"], ["9", ""]]}


def spec(message, name=toy_ranker.NAME, version=None, label=None, signature=""):
    """Fills a message's model_spec."""
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    if label is not None:
        message.model_spec.version_label = label
    return message


def predict_request(signature, inputs, output_filter=(), **where):
    """A PredictRequest of values that TensorFlow can convert."""
    request = spec(
        predict_pb2.PredictRequest(output_filter=output_filter), signature=signature, **where
    )
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def predict(target, signature, inputs, **options):
    """A PredictResponse."""
    return target.prediction.Predict(
        predict_request(signature, inputs, **options), timeout=TIMEOUT_SECONDS
    )


def outputs(response):
    """Its outputs as arrays."""
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def status_request(**where):
    return spec(get_model_status_pb2.GetModelStatusRequest(), **where)


def metadata_request(fields=("signature_def",), **where):
    return spec(get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields), **where)


def error_of(call, request):
    """The (status code, message) with which a call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=TIMEOUT_SECONDS)
    return caught.value.code(), caught.value.details()


def states(stub):
    """Version -> state name of every version the server reports."""
    response = stub.GetModelStatus(status_request(), timeout=TIMEOUT_SECONDS)
    name_of = type(response.model_version_status[0]).State.Name
    return {status.version: name_of(status.state) for status in response.model_version_status}


def http_json(address, path, body=None):
    """(HTTP status, document) of a GET, or a POST of `body`."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("GET" if body is None else "POST", path, encoded)
    response = connection.getresponse()
    document = json.loads(response.read().decode(errors="surrogateescape"))
    connection.close()
    return response.status, document


def slow_request(target, seconds):
    """A request that takes about `seconds` on this machine."""
    count = 20_000
    predict(target, "countdown", {"n": np.int64([1])})
    began = time.monotonic()
    predict(target, "countdown", {"n": np.int64([count])})
    return predict_request(
        "countdown", {"n": np.int64([count * seconds / (time.monotonic() - began)])}
    )
