"""The JSON of classify and regress, in TensorFlow Serving's form."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, regression_pb2

from serving.server.errors import invalid_argument
from serving.server.rest.json_request import (
    checked_name,
    fill_signature_name,
    nesting_bounded,
    parse_document,
)
from serving.server.rest.json_response import encode
from serving.server.rest.json_values import (
    decode_base64,
    encode_string,
    is_base64,
    json_type,
    shorten,
)

_CONTEXT = "context"
_EXAMPLES = "examples"
_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}
_INT64 = np.iinfo(np.int64)
_Request: TypeAlias = classification_pb2.ClassificationRequest | regression_pb2.RegressionRequest


def fill_examples(body: bytes, request: _Request) -> None:
    """Fills a ClassificationRequest or RegressionRequest that has its model name and version.

    Raises:
        RequestError: The document isn't JSON, or holds no examples.
    """
    with nesting_bounded():
        _fill(parse_document(body), request)


def classification_json(response: classification_pb2.ClassificationResponse) -> bytes:
    """A ClassificationResponse: a list of [label, score] per example."""
    rows = []
    for row in response.result.classifications:
        rows.append([[cell.label, _shortest(cell.score)] for cell in row.classes])
    return encode({"results": rows})


def regression_json(response: regression_pb2.RegressionResponse) -> bytes:
    """A RegressionResponse: a number per example."""
    return encode({"results": [_shortest(row.value) for row in response.result.regressions]})


def _fill(document: dict[str, Any], request: _Request) -> None:
    fill_signature_name(document, request)
    where = request.input.example_list
    if _CONTEXT in document:
        where = request.input.example_list_with_context
        _fill_example(document[_CONTEXT], where.context)
    for example in _examples(document):
        _fill_example(example, where.examples.add())


def _examples(document: dict[str, Any]) -> list[Any]:
    found = document.get(_EXAMPLES)
    if _EXAMPLES not in document:
        problem = f"When method is classify, key '{_EXAMPLES}' is expected and was not found"
    elif not isinstance(found, list):
        problem = f"Expecting '{_EXAMPLES}' value to be an list/array"
    elif not found:
        problem = f"'{_EXAMPLES}' value is an empty array"
    else:
        return found
    raise invalid_argument(f"JSON Value: {shorten(document)} {problem}")


def _fill_example(value: Any, example: tf.train.Example) -> None:
    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {json_type(value)}")
    for name, content in value.items():
        feature = tf.train.Feature()
        for element in content if isinstance(content, list) else [content]:
            _add(name, element, feature)
        example.features.feature[checked_name(name)].CopyFrom(feature)


def _add(name: str, value: Any, feature: tf.train.Feature) -> None:
    kind, element = _element(name, value)
    if feature.WhichOneof("kind") not in (None, kind):
        wanted = _KINDS[feature.WhichOneof("kind")]
        raise invalid_argument(
            f"Unexpected element type in feature: {name} expecting type: {wanted}"
        )
    getattr(feature, kind).value.append(element)


def _element(name: str, value: Any) -> tuple[str, Any]:
    """A JSON value as the kind of list that it belongs to, and its element there."""
    if isinstance(value, str):
        return "bytes_list", encode_string(value)
    if is_base64(value):
        return "bytes_list", decode_base64(value["b64"])
    if isinstance(value, (bool, int)):
        if not _INT64.min <= value <= _INT64.max:
            raise invalid_argument(
                f"Feature: {name} has uint64_t element. Only int64_t is supported."
            )
        return "int64_list", int(value)
    if isinstance(value, float):
        if math.isfinite(value) and abs(value) > np.finfo(np.float32).max:
            raise invalid_argument(f"Feature: {name} has an element that is no float: {value}")
        return "float_list", value
    raise invalid_argument(
        f"Feature: {name} has element with unexpected JSON type: {json_type(value)}"
    )


def _shortest(value: float) -> float:
    """The shortest decimal that reads back as the same float32."""
    return float(str(np.float32(value)))
