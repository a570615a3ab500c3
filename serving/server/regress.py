"""Regress: a number for each tf.Example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import regression_pb2

from serving.server import examples
from serving.server.errors import invalid_argument
from serving.server.session import ModelSession
from serving.server_options import RequestLimits

METHOD = "tensorflow/serving/regress"
_OUTPUTS = "outputs"


def regress(
    session: ModelSession,
    request: regression_pb2.RegressionRequest,
    version: int,
    limits: RequestLimits,
) -> regression_pb2.RegressionResponse:
    """Answers a RegressionRequest, whichever model it names.

    Raises:
        RequestError: As TensorFlow Serving has it, with the same code and message.
    """
    name = examples.signature_name(request.model_spec)
    check_signature(examples.find_signature(session, name))
    rows = examples.serialized_examples(request.input, limits)
    response = regression_pb2.RegressionResponse()
    examples.fill_spec(response.model_spec, request.model_spec, version)
    fill_result(examples.run(session, name, rows), len(rows), response.result)
    return response


def check_signature(signature: SignatureDef) -> None:
    """Checks that a signature takes examples and gives one output.

    Raises:
        RequestError: It doesn't.
    """
    problem = "" if len(signature.outputs) == 1 else "Expected one output Tensor."
    examples.check_inputs(signature, "regression", problem)
    if _OUTPUTS not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")


def fill_result(
    outputs: Mapping[str, np.ndarray], rows: int, result: regression_pb2.RegressionResult
) -> None:
    """Fills a RegressionResult with a signature's output.

    Raises:
        RequestError: It is neither [rows] nor [rows, 1], or of another type.
    """
    values = outputs[_OUTPUTS]
    if not (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {examples.show_shape(values)}"
        )
    if values.shape[0] != rows:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {rows} vs. {values.shape[0]}"
        )
    examples.check_dtype(values, tf.float32, "Expected output Tensor of {}. ")
    for value in values.ravel().tolist():
        result.regressions.add(value=value)
