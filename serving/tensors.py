"""NumPy arrays as TensorProto messages, and back, without TensorFlow.

Works on any message class with TensorProto's fields: TensorFlow's own in the server,
serving/messages.py's in the client.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

STRING = 7  # DataType.DT_STRING


class _Kind(NamedTuple):
    dtype: np.dtype
    field: str  # the typed field that holds such values


_KINDS = {
    1: _Kind(np.dtype(np.float32), "float_val"),
    2: _Kind(np.dtype(np.float64), "double_val"),
    3: _Kind(np.dtype(np.int32), "int_val"),
    4: _Kind(np.dtype(np.uint8), "int_val"),
    5: _Kind(np.dtype(np.int16), "int_val"),
    6: _Kind(np.dtype(np.int8), "int_val"),
    STRING: _Kind(np.dtype(object), "string_val"),
    9: _Kind(np.dtype(np.int64), "int64_val"),
    10: _Kind(np.dtype(np.bool_), "bool_val"),
    17: _Kind(np.dtype(np.uint16), "int_val"),
    19: _Kind(np.dtype(np.float16), "half_val"),
    22: _Kind(np.dtype(np.uint32), "uint32_val"),
    23: _Kind(np.dtype(np.uint64), "uint64_val"),
}
_PACKED = (np.dtype(np.float32), np.dtype(np.float64))  # their typed fields have their own width
_NUMBERS = {kind.dtype: number for number, kind in _KINDS.items()}


def dtype_of(number: int) -> np.dtype:
    """The NumPy dtype of a DataType number; object for strings.

    Raises:
        ValueError: This type isn't supported.
    """
    if number not in _KINDS:
        raise ValueError(f"Tensor type not supported. Received: DataType={number}")
    return _KINDS[number].dtype


def write(array: np.ndarray, proto: Any) -> None:
    """Writes `array` into the empty TensorProto `proto`.

    Numbers become `tensor_content`, strings `string_val`.

    Args:
        array: Numbers, or an object array of bytes.
        proto: The message to fill.

    Raises:
        ValueError: The array's dtype isn't supported.
    """
    _write_header(array, proto)
    if proto.dtype == STRING:
        proto.string_val.extend(array.ravel().tolist())
    else:
        proto.tensor_content = array.tobytes()


def write_typed(array: np.ndarray, proto: Any) -> None:
    """As `write`, but numbers go into the typed `*_val` field, as TensorFlow Serving answers."""
    _write_header(array, proto)
    field = _KINDS[proto.dtype].field
    if array.dtype in _PACKED:
        # Scores are these: appending them one by one would take longer than all else here.
        proto.MergeFromString(
            _packed(proto.DESCRIPTOR.fields_by_name[field].number, array.tobytes())
        )
        return
    values = array.ravel()
    if array.dtype == np.float16:
        # `half_val` holds a number's bits as an integer.
        values = values.view(np.uint16)
    getattr(proto, field).extend(values.tolist())


def read(proto: Any) -> np.ndarray:
    """The array in a TensorProto, whichever field holds its values.

    Strings come as an object array of bytes.

    A typed field with fewer values than the shape has elements repeats its last one, as TensorFlow
    has it; an empty one means zeros.

    Raises:
        ValueError: The type isn't supported, or the values don't fit the shape.
    """
    dtype = dtype_of(proto.dtype)
    field = _KINDS[proto.dtype].field
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError(f"A tensor's shape must be fully known. Received: {shape}")
    count = int(np.prod(shape, dtype=np.int64))
    if proto.tensor_content and proto.dtype != STRING:
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    return _values(getattr(proto, field), dtype, count).reshape(shape)


def _write_header(array: np.ndarray, proto: Any) -> None:
    if array.dtype not in _NUMBERS:
        raise ValueError(f"Tensor type not supported. Received: dtype={array.dtype}")
    proto.dtype = _NUMBERS[array.dtype]
    proto.tensor_shape.SetInParent()  # a scalar has a shape, too
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)


def _packed(number: int, content: bytes) -> bytes:
    """A packed field of fixed-width numbers on the wire.

    It holds the numbers' bytes as they are in memory, after a tag and a length. Parsing it takes a
    tenth of the time that appending the numbers one by one takes.
    """
    size = len(content)
    varint = bytearray()
    while size > 127:
        varint.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2]) + bytes(varint) + bytes([size]) + content


def _values(values: Sequence[Any], dtype: np.dtype, count: int) -> np.ndarray:
    if len(values) > count:
        raise ValueError(
            f"A tensor of {count} elements must not hold more values. Received: {len(values)}"
        )
    zero = b"" if dtype.kind == "O" else 0
    last = values[-1] if values else zero
    if dtype == np.float16:
        found = np.full(count, last, np.uint16)
        found[: len(values)] = values
        return found.view(np.float16)
    found = np.empty(count, dtype)
    found[: len(values)] = list(values)
    found[len(values) :] = last
    return found
