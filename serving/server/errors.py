"""The errors of the model server, and TensorFlow's as TensorFlow Serving reports them."""

from __future__ import annotations

import grpc
import tensorflow as tf

from serving.errors import ServingError

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class ServerStartError(ServingError):
    """The server can't start.

    The message names the option, path or port, what was found and what would do.
    """


class RequestError(Exception):
    """A request that is answered with a status other than OK.

    Args:
        code: The status code.
        message: The message, in TensorFlow Serving's words where it has some.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> RequestError:
    """A RequestError with the commonest code."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_tensorflow(error: tf.errors.OpError) -> RequestError:
    """The RequestError with the code and message of an error of the TensorFlow runtime."""
    return RequestError(_CODES[error.error_code], error.message)
