"""Bounds what all requests together take of the memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping

import grpc
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving import contract, tensors
from serving.server.errors import RequestError
from serving.server.given_up import is_given_up
from serving.server_options import RequestLimits

_STATE_BYTES = 512  # of a user's state that stand for a position of the history
_LOOK_SECONDS = 0.1  # between two looks whether anybody still waits for an answer
_ENCODING = 16  # candidates whose scoring takes as much memory as encoding their user


class Admission:
    """Counts the values of requests that are being read, and the cells that models compute.

    A cell is a candidate times a position of its user's history. Threads share it.

    Args:
        limits: The most of each, at once.
    """

    def __init__(self, limits: RequestLimits) -> None:
        self._max_values = limits.max_values_at_once
        self._max_cells = limits.max_cells_at_once
        self._values = 0
        self._cells = 0
        self._freed = threading.Condition()

    @contextlib.contextmanager
    def values(self, count: int) -> Iterator[None]:
        """Holds room for the values of a request.

        Raises:
            RequestError: RESOURCE_EXHAUSTED: there is none now.
        """
        with self._freed:
            if self._values + count > self._max_values:
                raise RequestError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"The server is busy: requests with {self._values} values are being answered, "
                    f"and at most {self._max_values} may (max_values_at_once). Send it again "
                    "later, or send several smaller requests.",
                )
            self._values += count
        try:
            yield
        finally:
            with self._freed:
                self._values -= count

    @contextlib.contextmanager
    def cells(self, count: int) -> Iterator[None]:
        """Holds room for what a model computes for a request.

        Waits until there is some: the requests that run now end soon.

        Raises:
            RequestError: RESOURCE_EXHAUSTED: there is never so much. CANCELLED: nobody waits for
                the answer any more.
        """
        if count > self._max_cells:
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"A request has at most {self._max_cells} candidates times positions of their "
                f"users' histories (max_cells_at_once). Received: {count}. Send several smaller "
                "ones.",
            )
        with self._freed:
            while self._cells + count > self._max_cells and not is_given_up():
                self._freed.wait(_LOOK_SECONDS)
            if is_given_up():
                raise RequestError(
                    grpc.StatusCode.CANCELLED,
                    "The call was cancelled, or its time was over, before there was room for it.",
                )
            self._cells += count
        try:
            yield
        finally:
            with self._freed:
                self._cells -= count
                self._freed.notify_all()


def count_cells(inputs: Mapping[str, TensorProto], examples: Mapping[str, list[int]]) -> int:
    """The candidates of all rows times the positions of a history.

    Most of a ranker's memory is for these. A user who is encoded counts as some candidates.

    Args:
        inputs: A request's TensorProtos, whose shapes are checked. Those of other models have no
            cells.
        examples: The shapes of the features in the request's tf.Examples, see example_shapes.
    """
    shapes = dict(examples)
    for name, proto in inputs.items():
        shapes[name] = [dim.size for dim in proto.tensor_shape.dim]
    candidates = 0
    positions = 0
    for name, shape in shapes.items():
        if name.startswith("candidate_") and len(shape) > 1:
            candidates = max(candidates, shape[0] * shape[1])
        elif name.startswith("history_") and len(shape) > 1:
            # Users are encoded before their candidates are scored: not both at once.
            candidates = max(candidates, shape[0] * _ENCODING)
            positions = max(positions, shape[1])
    state = contract.state_name(inputs)
    if state in inputs and inputs[state].dtype == tensors.STRING:
        longest = max((len(blob) for blob in inputs[state].string_val), default=0)
        positions = max(positions, longest // _STATE_BYTES)
    return candidates * max(positions, 1)
