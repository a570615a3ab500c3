"""JSON values as tensor elements, and tensors as JSON values, by TensorFlow Serving's rules."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from typing import Any

import grpc
import numpy as np

from serving import tensors
from serving.server.errors import RequestError, invalid_argument
from serving.server.limits import MAX_RANK

_NAMES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.float16): "half",
    np.dtype(object): "string",
}
_MAX_SHOWN = 256  # characters of a JSON value in an error message
_BASE64 = "b64"


def shorten(value: Any) -> str:
    """A JSON value for an error message; no more of it is written than is shown."""
    text = ""
    for part in json.JSONEncoder().iterencode(value):
        text += part
        if len(text) >= _MAX_SHOWN:
            break
    return text[:_MAX_SHOWN]


def is_base64(value: Any) -> bool:
    """Whether a JSON value is {"b64": "..."}: a string of any bytes."""
    return isinstance(value, dict) and value.keys() == {_BASE64} and isinstance(value[_BASE64], str)


def parse_tensor(value: Any, dtype: int, where: str = "") -> tuple[list[int], list[Any]]:
    """A JSON value, a scalar or nested lists, as a shape and flat elements.

    Args:
        value: The JSON value.
        dtype: The DataType number that the signature wants.
        where: What an error message begins with.

    Raises:
        RequestError: The lists are ragged or too deep, or an element has the wrong type.
    """
    shape: list[int] = []
    inner = value
    while isinstance(inner, list):
        if len(shape) == MAX_RANK:
            raise invalid_argument(
                f"{where}A tensor has at most {MAX_RANK} dimensions: lists are nested deeper."
            )
        shape.append(len(inner))
        if not inner:
            break
        inner = inner[0]
    flat: list[Any] = []
    _collect(value, 0, shape, tensors.dtype_of(dtype), flat, where)
    return shape, flat


def write_values(flat: list[Any], shape: list[int], dtype: int) -> np.ndarray:
    """Flat elements as an array of `shape`."""
    array = np.empty(len(flat), tensors.dtype_of(dtype))
    array[:] = flat
    return array.reshape(shape)


def to_json(name: str, array: np.ndarray) -> Any:
    """A tensor as nested lists; strings of an output whose name ends with `_bytes` as {"b64": ...}.

    Floats become the shortest decimals that read back as the same float32 or float64. A string's
    bytes stay as they are, invalid UTF-8 included, for a document that is encoded with
    `surrogateescape`.
    """
    if array.dtype == np.float16:
        raise invalid_argument("Failed to write JSON value for tensor type: half")
    if array.dtype == np.float32:
        # NumPy writes the shortest decimals, which Python's JSON then writes as they are.
        decimals = [float(text) for text in array.ravel().astype(str)]
        array = np.array(decimals).reshape(array.shape)
    if array.dtype.kind == "O":
        write = _encode_base64 if name.endswith("_bytes") else _decode
        strings = np.empty(array.size, object)
        strings[:] = [write(element) for element in array.ravel()]
        array = strings.reshape(array.shape)
    return array.tolist()


def _collect(
    value: Any, level: int, shape: list[int], dtype: np.dtype, flat: list[Any], where: str
) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"{where}JSON Value: {shorten(value)} found at incorrect level: {level + 1} in the "
                f"JSON DOM. Expected at level: {len(shape)}"
            )
        flat.append(_element(value, dtype, where))
        return
    if level >= len(shape):
        raise invalid_argument(
            f"{where}Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"{where}Encountered list at unexpected size: {len(value)} at level: {level} expected "
            f"size: {shape[level]}"
        )
    for inner in value:
        _collect(inner, level + 1, shape, dtype, flat, where)


def _element(value: Any, dtype: np.dtype, where: str) -> Any:
    if dtype == np.float16:
        message = f"{where}Conversion of JSON Value: {shorten(value)} to type: {_name(dtype)}"
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, message)
    if dtype.kind == "O" and is_base64(value):
        return decode_base64(value[_BASE64], where)
    if not _fits(value, dtype):
        raise invalid_argument(
            f"{where}JSON Value: {shorten(value)} Type: {json_type(value)} is not of expected "
            f"type: {_name(dtype)}"
        )
    return encode_string(value, where) if dtype.kind == "O" else value


def _fits(value: Any, dtype: np.dtype) -> bool:
    if dtype.kind == "O":
        return isinstance(value, str)
    if dtype == np.bool_ or isinstance(value, bool):
        return dtype == np.bool_ and isinstance(value, bool)
    if dtype.kind == "f":
        return isinstance(value, float) or (
            isinstance(value, int) and abs(value) <= sys.float_info.max
        )
    limits = np.iinfo(dtype)
    return isinstance(value, int) and limits.min <= value <= limits.max


def encode_string(value: str, where: str = "") -> bytes:
    """The bytes of a string of a document that was decoded with `surrogateescape`."""
    try:
        return value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise invalid_argument(
            f"{where}JSON Parse error: The surrogate pair in string is invalid."
        ) from None


def _decode(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _encode_base64(value: bytes) -> dict[str, str]:
    return {_BASE64: base64.b64encode(value).decode()}


def decode_base64(text: str, where: str = "") -> bytes:
    """The bytes of {"b64": text}."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid_argument(f"{where}Unable to base64 decode") from None


def json_type(value: Any) -> str:
    """What JSON calls the type of a value."""
    names = {
        dict: "Object",
        list: "Array",
        str: "String",
        int: "Number",
        float: "Number",
        type(None): "Null",
    }
    return str(value) if isinstance(value, bool) else names[type(value)]


def _name(dtype: np.dtype) -> str:
    return _NAMES.get(dtype, str(dtype))
