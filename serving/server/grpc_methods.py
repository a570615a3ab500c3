"""TensorFlow Serving's PredictionService and ModelService as tables of methods.

Messages cross the event loop as bytes: parsing and writing them is work for a thread, like the
answer itself.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.errors import RequestError
from serving.server.front import Front
from serving.server.held_bytes import HeldBytes
from serving.server.message_scan import count_values
from serving.server.model_api import ModelApi
from serving.server.unread_answers import UnreadAnswers
from serving.server.workers import Workers

_log = logging.getLogger(__name__)
_MAX_MESSAGE_BYTES = 1024  # of an error message


class Method(NamedTuple):
    """A method of a service.

    Attributes:
        request_class: The message class of its requests.
        answer: Makes a response of a request.
        workers: The threads that do so.
    """

    request_class: Any
    answer: Callable[[Any], Any]
    workers: Workers


def services(api: ModelApi, front: Front) -> dict[str, dict[str, Method]]:
    """Service -> name -> method. The methods of a service that aren't here answer UNIMPLEMENTED.

    Args:
        api: What answers.
        front: Whose threads do.
    """
    workers = front.workers
    control = front.control
    prediction = {
        "Predict": Method(
            predict_pb2.PredictRequest, _counted(api, "Predict", api.predict), workers
        ),
        "Classify": Method(
            classification_pb2.ClassificationRequest,
            _counted(api, "Classify", api.classify),
            workers,
        ),
        "Regress": Method(
            regression_pb2.RegressionRequest, _counted(api, "Regress", api.regress), workers
        ),
        # TensorFlow Serving doesn't count this one.
        "MultiInference": Method(inference_pb2.MultiInferenceRequest, api.multi_inference, workers),
        "GetModelMetadata": Method(
            get_model_metadata_pb2.GetModelMetadataRequest, api.get_model_metadata, control
        ),
    }
    model = {
        "GetModelStatus": Method(
            get_model_status_pb2.GetModelStatusRequest, api.get_model_status, control
        ),
        "HandleReloadConfigRequest": Method(
            model_management_pb2.ReloadConfigRequest, api.reload_config, control
        ),
    }
    return {
        "tensorflow.serving.PredictionService": prediction,
        "tensorflow.serving.ModelService": model,
    }


def generic_handler(
    service: str, methods: Mapping[str, Method], held: HeldBytes, api: ModelApi
) -> grpc.GenericRpcHandler:
    """The methods of a service for a grpc.aio server.

    Args:
        service: The service's name.
        methods: Its methods.
        held: Counts the messages that are answered, and the answers.
        api: What answers; its limits and its admission are for all methods.
    """
    handlers: dict[str, Any] = {}
    for name, method in methods.items():
        handlers[name] = grpc.unary_unary_rpc_method_handler(_handler(method, held, api))
    return grpc.method_handlers_generic_handler(service, handlers)


def _counted(api: ModelApi, name: str, answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A method whose calls are counted and timed."""

    def answer_counted(request: Any) -> Any:
        with api.counted(request.model_spec.name, "GRPC", name):
            return answer(request)

    return answer_counted


def _handler(
    method: Method, held: HeldBytes, api: ModelApi
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    unread = UnreadAnswers(held)

    async def handle(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            # Counted here, on the event loop, also while the message waits for a thread, and until
            # a thread is done with it, though the call may have ended before.
            held.take(len(message))
            ended = functools.partial(held.give_back, len(message))
            answer = await method.workers.run(_answer, method, message, api, ended=ended)
            unread.expect(len(answer), context.peer())
            return answer
        except RequestError as error:
            code = error.code
            text = error.message
        except Exception as error:
            _log.exception("A request failed in the server itself")
            code = grpc.StatusCode.INTERNAL
            text = f"{type(error).__name__}: {error}"
        aborting = context.abort(code, _cut(text))
        # What it raises knows this frame and is known to the context, until the garbage collector
        # comes: the request must not stay so long.
        del message, context
        return await aborting

    return handle


def _answer(method: Method, message: bytes, api: ModelApi) -> bytes:
    count = count_values(message, method.request_class, api.limits.max_values)
    with api.admission.values(count):
        answer: bytes = method.answer(_parse(method, message)).SerializeToString()
    return answer


def _parse(method: Method, message: bytes) -> Any:
    try:
        return method.request_class.FromString(message)
    except DecodeError as error:
        name = method.request_class.DESCRIPTOR.name
        raise RequestError(grpc.StatusCode.INTERNAL, f"The message is no {name}: {error}") from None


def _cut(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return message
    return encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"
