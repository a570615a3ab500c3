"""Classify: labels and scores of tf.Examples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis import classification_pb2

from serving.server import examples
from serving.server.errors import invalid_argument
from serving.server.session import ModelSession
from serving.server_options import RequestLimits

METHOD = "tensorflow/serving/classify"
_CLASSES = "classes"
_SCORES = "scores"


def classify(
    session: ModelSession,
    request: classification_pb2.ClassificationRequest,
    version: int,
    limits: RequestLimits,
) -> classification_pb2.ClassificationResponse:
    """Answers a ClassificationRequest, whichever model it names.

    Raises:
        RequestError: As TensorFlow Serving has it, with the same code and message.
    """
    name = examples.signature_name(request.model_spec)
    check_signature(examples.find_signature(session, name))
    rows = examples.serialized_examples(request.input, limits)
    response = classification_pb2.ClassificationResponse()
    examples.fill_spec(response.model_spec, request.model_spec, version)
    fill_result(examples.run(session, name, rows), len(rows), response.result)
    return response


def check_signature(signature: SignatureDef) -> None:
    """Checks that a signature takes examples and gives classes, scores or both.

    Raises:
        RequestError: It doesn't.
    """
    outputs = signature.outputs
    fits = len(outputs) in (1, 2)
    problem = "" if fits else f"Expected one or two output Tensors, found {len(outputs)}"
    examples.check_inputs(signature, "classification", problem)
    if _CLASSES not in outputs and _SCORES not in outputs:
        raise invalid_argument(
            f'Expected classification signature outputs to contain at least one of "{_CLASSES}" or '
            f'"{_SCORES}". '
            f"Signature was: {signature}"
        )


def fill_result(
    outputs: Mapping[str, np.ndarray], rows: int, result: classification_pb2.ClassificationResult
) -> None:
    """Fills a ClassificationResult with a signature's outputs.

    Raises:
        RequestError: They aren't [rows, classes], or of another type.
    """
    classes = outputs.get(_CLASSES)
    scores = outputs.get(_SCORES)
    if classes is not None:
        _check(_CLASSES, classes, tf.string, rows)
    if scores is not None:
        _check(_SCORES, scores, tf.float32, rows)
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid_argument(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. "
            f"{scores.shape[1]}"
        )
    labels = None if classes is None else classes.tolist()
    numbers = None if scores is None else scores.tolist()
    columns = next(array for array in (classes, scores) if array is not None).shape[1]
    for row in range(rows):
        found = result.classifications.add()
        for column in range(columns):
            cell = found.classes.add()
            if labels is not None:
                cell.label = _text(labels[row][column])
            if numbers is not None:
                cell.score = numbers[row][column]


def _check(name: str, array: np.ndarray, dtype: tf.DType, rows: int) -> None:
    if array.ndim != 2:
        shape = examples.show_shape(array)
        raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {shape}")
    examples.check_dtype(array, dtype, f"Expected {name} Tensor of {{}}.")
    if array.shape[0] != rows:
        raise invalid_argument(
            f"Expected {name} output batch size of {rows}. Got: {array.shape[0]}"
        )


def _text(label: bytes) -> str:
    try:
        return label.decode()
    except UnicodeDecodeError:
        raise invalid_argument(f"A label must be UTF-8 text. Received: {label!r}") from None
