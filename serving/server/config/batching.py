"""How requests are batched: TensorFlow Serving's batching parameters file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.server.config import messages
from serving.server.config.text_proto import read_text_proto
from serving.server.errors import ServerStartError
from serving.server_options import BatchingParameters

_WRAPPED = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")


def read_batching_parameters(path: Path) -> BatchingParameters:
    """Reads a batching parameters file.

    Raises:
        ServerStartError: It can't be read, or has values that make no sense or that this server
            doesn't know.
    """
    proto = read_text_proto(path, messages.BatchingParameters)
    for field in ("enable_large_batch_splitting", "max_execution_batch_size"):
        if proto.HasField(field):
            raise ServerStartError(
                f"{path}: {field} is not supported by this server. Leave it out."
            )
    found: dict[str, Any] = {}
    for name in _WRAPPED:
        if proto.HasField(name):
            found[name] = getattr(proto, name).value
    try:
        parameters = BatchingParameters(
            **found,
            allowed_batch_sizes=tuple(proto.allowed_batch_sizes),
            pad_variable_length_inputs=proto.pad_variable_length_inputs,
        )
    except ValueError as error:
        raise ServerStartError(f"{path}: {error}") from None
    _check_sizes(path, parameters)
    return parameters


def _check_sizes(path: Path, parameters: BatchingParameters) -> None:
    sizes = parameters.allowed_batch_sizes
    if list(sizes) != sorted(set(sizes)):
        raise ServerStartError(
            f"{path}: allowed_batch_sizes entries must be monotonically increasing"
        )
    if sizes and sizes[-1] != parameters.max_batch_size:
        raise ServerStartError(
            f"{path}: Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {parameters.max_batch_size}"
        )
