"""Merges requests' tensors into a batch and splits its results, as TensorFlow Serving does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import grpc
import numpy as np

from serving.server.errors import RequestError, invalid_argument

Feeds = Mapping[str, np.ndarray]


@dataclasses.dataclass
class Task:
    """A request in a queue, and what became of it.

    Attributes:
        feeds: Tensor name -> value, [rows, ...].
        rows: Its share of a batch.
        outputs: Tensor name -> its rows of the result.
        error: Why there is no result.
    """

    feeds: Feeds
    rows: int
    outputs: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    error: Exception | None = None


def count_rows(feeds: Feeds) -> int:
    """The rows that all tensors of a request have.

    Raises:
        RequestError: There are no tensors, or they differ.
    """
    if not feeds:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    if any(array.ndim == 0 for array in feeds.values()):
        raise invalid_argument("Batching Run() input tensors must have at least one dimension")
    rows = {len(array) for array in feeds.values()}
    if len(rows) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return rows.pop()


def merge(tasks: Sequence[Task], batch_rows: int, pad: bool) -> dict[str, np.ndarray]:
    """One batch of all tasks' rows.

    It is filled up to `batch_rows` with copies of the last task's first row.

    Args:
        tasks: The tasks.
        batch_rows: Rows of the batch; at least theirs.
        pad: Whether tensors of different shapes are padded, with the first value of their tensor.

    Raises:
        RequestError: Shapes differ and `pad` is false.
    """
    extra = batch_rows - sum(task.rows for task in tasks)
    merged = {}
    for name in tasks[0].feeds:
        arrays = [task.feeds[name] for task in tasks]
        if any(array.dtype != arrays[0].dtype for array in arrays):
            raise invalid_argument(
                f"Tensors with name '{name}' from different tasks have different types."
            )
        if any(array.shape[1:] != arrays[0].shape[1:] for array in arrays):
            arrays = _padded(name, arrays, pad)
        # The scheduler has rounded the batch up to an allowed size.
        arrays += [arrays[-1][:1]] * extra
        merged[name] = np.concatenate(arrays)
    return merged


def split(outputs: Mapping[str, np.ndarray], tasks: Sequence[Task], batch_rows: int) -> None:
    """Gives each task its rows of each output.

    Raises:
        RequestError: An output has other rows than the batch.
    """
    for array in outputs.values():
        if array.ndim == 0:
            raise _failed("Batched output tensor has 0 dimensions")
        if len(array) != batch_rows:
            raise _failed(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors"
            )
    start = 0
    for task in tasks:
        task.outputs = {name: array[start : start + task.rows] for name, array in outputs.items()}
        start += task.rows


def _padded(name: str, arrays: list[np.ndarray], pad: bool) -> list[np.ndarray]:
    if not pad or len({array.ndim for array in arrays}) > 1:
        raise _failed(
            f"Tensors with name '{name}' from different tasks have different shapes and padding is "
            "turned off. Set pad_variable_length_inputs to true, or ensure that all tensors with "
            "the same name have equal dimensions starting with the first dim."
        )
    if any(array.size == 0 for array in arrays):
        raise invalid_argument("Got empty tensor in batch of non-empty tensors.")
    shape = np.max([array.shape[1:] for array in arrays], axis=0)
    return [_pad(array, shape) for array in arrays]


def _pad(array: np.ndarray, shape: np.ndarray) -> np.ndarray:
    widths = [(0, 0)]  # rows stay
    for wanted, size in zip(shape, array.shape[1:], strict=True):
        widths.append((0, wanted - size))
    return np.pad(array, widths, constant_values=array.flat[0])


def _failed(message: str) -> RequestError:
    return RequestError(grpc.StatusCode.FAILED_PRECONDITION, message)
