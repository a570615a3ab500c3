"""Refuses what an untrusted request may not ask for, before anything of its size is allocated."""

from __future__ import annotations

import math
from collections.abc import Mapping

import grpc
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving import tensors
from serving.server.errors import RequestError, invalid_argument
from serving.server_options import RequestLimits

_STRING_BYTES = 8  # of a reference to a string
MAX_RANK = 32  # of NumPy's arrays; TensorFlow's have at most 254 dimensions
_COUNTED = {"candidate_": "max_candidates", "history_": "max_history"}


def check_inputs(inputs: Mapping[str, TensorProto], limits: RequestLimits) -> None:
    """Checks the declared shapes of a request's TensorProtos.

    Raises:
        RequestError: INVALID_ARGUMENT for shapes that are no shapes or over a count;
            RESOURCE_EXHAUSTED for tensors that would unfold to more bytes than a message may have.
    """
    for name, proto in inputs.items():
        shape = _shape(name, proto)
        check_counts(name, shape, limits)
        _check_bytes(name, proto.dtype, shape, limits)


def _shape(name: str, proto: TensorProto) -> list[int]:
    rank = len(proto.tensor_shape.dim)
    if rank > MAX_RANK:
        raise invalid_argument(
            f"tensor parsing error: {name}: a tensor has at most {MAX_RANK} dimensions. Received: "
            f"{rank}"
        )
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise invalid_argument(
            f"tensor parsing error: {name}: its shape must be fully known. Received: {shape}"
        )
    return shape


def check_counts(name: str, shape: list[int], limits: RequestLimits) -> None:
    """Checks the rows, candidates and behaviours of an input, or of a feature of tf.Examples.

    Raises:
        RequestError: INVALID_ARGUMENT: there are too many.
    """
    if shape and shape[0] > limits.max_rows:
        raise invalid_argument(
            f"{name}: a request has at most {limits.max_rows} rows. Received: {shape[0]}. "
            "Send several requests."
        )
    # At most 32 numbers of 63 bits: the product stays a small number, too.
    count = math.prod(shape)
    for prefix, option in _COUNTED.items():
        most = getattr(limits, option)
        if name.startswith(prefix) and count > most:
            raise invalid_argument(
                f"{name}: a request has at most {most} values along its rows ({option}). "
                f"Received: {count}. Send several requests."
            )


def _check_bytes(name: str, dtype: int, shape: list[int], limits: RequestLimits) -> None:
    size = _STRING_BYTES if dtype == tensors.STRING else _item_bytes(dtype)
    if math.prod(shape) * size > limits.max_message_bytes:
        raise RequestError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"{name}: a tensor has at most {limits.max_message_bytes} bytes. Received: shape "
            f"{shape}",
        )


def _item_bytes(dtype: int) -> int:
    try:
        return int(tensors.dtype_of(dtype).itemsize)
    except ValueError as error:
        raise invalid_argument(f"tensor parsing error: {error}") from None
