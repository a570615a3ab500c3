"""How requests are batched: TensorFlow Serving's batching parameters file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from serving.server.config import messages
from serving.server.config.text_proto import read_text_proto
from serving.server.errors import ServerStartError

_WRAPPED = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")


class BatchingParameters(BaseModel):
    """TensorFlow Serving's BatchingParameters, with its defaults.

    Attributes:
        max_batch_size: Rows of the largest batch, and of the largest request.
        batch_timeout_micros: Microseconds that a request waits for others.
        max_enqueued_batches: Batches that may wait for a thread; one more request is refused with
            UNAVAILABLE.
        num_batch_threads: Batches that run at once, for each version.
        allowed_batch_sizes: Batches are padded with copies of a row to one of these; empty for no
            padding.
        pad_variable_length_inputs: Whether rows of different lengths may share a batch; shorter
            ones are padded with the first value of their tensor, as TensorFlow Serving has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batch_size: int = Field(1000, ge=1)
    batch_timeout_micros: int = Field(0, ge=0)
    max_enqueued_batches: int = Field(10, ge=1)
    num_batch_threads: int = Field(4, ge=1)
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False


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
    found = {name: getattr(proto, name).value for name in _WRAPPED if proto.HasField(name)}
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
            f"{path}: Last entry in allowed_batch_sizes must match max_batch_size; last entry was {sizes[-1]}; "
            f"expected {parameters.max_batch_size}"
        )
