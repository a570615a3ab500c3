"""A REST predict request's JSON as a PredictRequest.

TensorFlow Serving has a row form, `instances`, and a column form, `inputs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo
from tensorflow_serving.apis import predict_pb2

from serving import tensors
from serving.server.errors import invalid_argument
from serving.server.rest.json_values import is_base64, parse_tensor, shorten, write_values

Form = Literal["row", "column"]
InputsOf = Callable[[predict_pb2.PredictRequest], Mapping[str, TensorInfo]]
_ROWS = "instances"
_COLUMNS = "inputs"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half of a character, as JSON escapes it


def count_json_values(body: bytes, most: int) -> int:
    """The most values that a JSON document of these bytes can have.

    Each value follows a bracket, a brace or a comma, so these are counted.

    Raises:
        RequestError: INVALID_ARGUMENT: there may be more than `most`, and a value takes hundreds of
            bytes in memory.
    """
    count = 1 + sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if count > most:
        raise invalid_argument(
            f"A request has at most {most} values (max_values), by its commas and brackets. "
            f"Received: {count}. Send several requests."
        )
    return count


def fill_request(body: bytes, request: predict_pb2.PredictRequest, inputs_of: InputsOf) -> Form:
    """Fills a PredictRequest that has its model name and version.

    Args:
        body: The JSON document; strings in it may hold any bytes.
        request: The PredictRequest to fill.
        inputs_of: The inputs, name -> TensorInfo, of the signature that a request names.

    Returns:
        `row` if the document has `instances`, `column` if it has `inputs`.

    Raises:
        RequestError: The document isn't JSON, or doesn't fit the signature.
    """
    with nesting_bounded():
        return _fill(parse_document(body), request, inputs_of)


@contextmanager
def nesting_bounded() -> Iterator[None]:
    """Refuses a document whose lists and objects are nested deeper than Python can follow.

    Raises:
        RequestError: They are.
    """
    try:
        yield
    except RecursionError:
        raise invalid_argument(
            "JSON Parse error: Lists and objects are nested too deeply."
        ) from None


def _fill(
    document: dict[str, Any], request: predict_pb2.PredictRequest, inputs_of: InputsOf
) -> Form:
    fill_signature_name(document, request)
    inputs = inputs_of(request)
    form = _form(document)
    by_form = {"row": _rows, "column": _columns}
    content = document[_ROWS if form == "row" else _COLUMNS]
    for name, array in by_form[form](content, inputs).items():
        tensors.write(array, request.inputs[name])
    return form


def fill_signature_name(document: dict[str, Any], request: Any) -> None:
    """Fills a request's signature name, where the document has one.

    Raises:
        RequestError: It isn't text.
    """
    if "signature_name" in document:
        if not isinstance(document["signature_name"], str):
            shown = shorten(document)
            raise invalid_argument(
                f"JSON Value: {shown} not formatted correctly. 'signature_name' key must be a "
                "string value."
            )
        request.model_spec.signature_name = checked_name(document["signature_name"])


def checked_name(text: str) -> str:
    """A string that becomes a name: protobuf takes only what is UTF-8.

    Raises:
        RequestError: It isn't.
    """
    if not text.isascii() and _has_surrogates(text):
        raise invalid_argument(f"JSON Value: {shorten(text)} is a name, and no UTF-8.")
    return text


def parse_document(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        RequestError: It is none.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = json.loads(body.decode(errors="surrogateescape"))
        _check_surrogates(body)
    except ValueError as error:
        raise invalid_argument(f"JSON Parse error: {error}") from None
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {shorten(document)} Is not object")
    return document


def _check_surrogates(body: bytes) -> None:
    """Refuses a document with half an escaped character, which no encoding has.

    Raises:
        ValueError: It has one.
    """
    # Most documents escape none, and pay nothing.
    if not _SURROGATE.search(body):
        return
    # Without the bytes that are no UTF-8, whose stand-ins are surrogates, too.
    document = json.loads(body.decode(errors="replace"))
    if _has_surrogates(json.dumps(document, ensure_ascii=False)):
        raise ValueError("The surrogate pair in string is invalid.")


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _form(document: dict[str, Any]) -> Form:
    if _ROWS not in document:
        if _COLUMNS not in document:
            raise invalid_argument("Missing 'inputs' or 'instances' key")
        return "column"
    shown = shorten(document)
    if _COLUMNS in document:
        raise invalid_argument(
            f"JSON Value: {shown} Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    if not isinstance(document[_ROWS], list):
        raise invalid_argument(f"JSON Value: {shown} Expecting 'instances' to be an list/array")
    if not document[_ROWS]:
        raise invalid_argument(f"JSON Value: {shown} No values in 'instances' array")
    return "row"


def _rows(instances: list[Any], inputs: Mapping[str, TensorInfo]) -> dict[str, np.ndarray]:
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named: list[dict[str, Any]] = []
    for index, instance in enumerate(instances):
        named.append(_named(index, instance, instances[0], inputs))
    arrays = {}
    for name, info in inputs.items():
        values = [row[name] for row in named]
        arrays[name] = _stacked(name, values, info.dtype)
    return arrays


def _named(
    index: int, instance: Any, first: Any, inputs: Mapping[str, TensorInfo]
) -> dict[str, Any]:
    """One instance as input name -> value; a plain value belongs to the only input."""
    if not _is_object(first):
        if _is_object(instance):
            raise invalid_argument(
                f"Expecting value/list but got object at item {index} of input list"
            )
        return {next(iter(inputs)): instance}
    if not _is_object(instance):
        raise invalid_argument(f"Expecting object but got list at item {index} of input list")
    for name in instance:
        if name not in inputs:
            raise invalid_argument(
                f"Failed to process element: {index} key: {name} of 'instances' list. Error: "
                f"INVALID_ARGUMENT: JSON object: does not have named input: {name}"
            )
    if instance.keys() != inputs.keys():
        raise invalid_argument(
            f"Failed to process element: {index} of 'instances' list. JSON object: "
            f"{shorten(instance)} keys must be equal to: {','.join(sorted(inputs))}"
        )
    return instance


def _stacked(name: str, values: list[Any], dtype: int) -> np.ndarray:
    """The values of one input, one per row, as one tensor."""
    flat: list[Any] = []
    first_shape: list[int] | None = None
    for index, value in enumerate(values):
        where = (
            f"Failed to process element: {index} key: {name} of 'instances' list. "
            "Error: INVALID_ARGUMENT: "
        )
        shape, found = parse_tensor(value, dtype, where)
        first_shape = shape if first_shape is None else first_shape
        if shape != first_shape:
            raise invalid_argument(
                f"{where}Expecting shape {_show(first_shape)} but got: {_show(shape)}"
            )
        flat += found
    return write_values(flat, [len(values), *(first_shape or [])], dtype)


def _columns(value: Any, inputs: Mapping[str, TensorInfo]) -> dict[str, np.ndarray]:
    if not _is_object(value):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        value = {next(iter(inputs)): value}
    arrays = {}
    for name, info in inputs.items():
        if name not in value:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        shape, flat = parse_tensor(value[name], info.dtype)
        arrays[name] = write_values(flat, shape, info.dtype)
    return arrays


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _show(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
