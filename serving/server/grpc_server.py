"""TensorFlow Serving's PredictionService and ModelService over gRPC."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.errors import RequestError, ServerStartError
from serving.server.model_api import ModelApi

_MAX_MESSAGE_BYTES = 1024  # of an error message
_THREADS = 16


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the rest answers UNIMPLEMENTED."""

    def __init__(self, api: ModelApi) -> None:
        self._api = api

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.predict, request, context)

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.get_model_metadata, request, context)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; the rest answers UNIMPLEMENTED."""

    def __init__(self, api: ModelApi) -> None:
        self._api = api

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.get_model_status, request, context)


class GrpcServer:
    """A gRPC server on a port.

    Args:
        api: What answers.
        host: Host name or address to listen on.
        port: Port; 0 takes a free one, see the attribute `port`.

    Raises:
        ServerStartError: The port can't be taken.
    """

    def __init__(self, api: ModelApi, host: str, port: int) -> None:
        # TensorFlow Serving takes requests of any size, and two servers must not share a port.
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        threads = futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="grpc")
        self._server = grpc.server(threads, options=[*unlimited, ("grpc.so_reuseport", 0)])
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(api), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(api), self._server)
        self.port = _bind(self._server, host, port)

    def start(self) -> None:
        """Begins to answer."""
        self._server.start()

    def stop(self, grace_seconds: float) -> threading.Event:
        """Takes no new requests and gives those under way `grace_seconds`; the event is set when all are finished."""
        return self._server.stop(grace_seconds)


def _bind(server: grpc.Server, host: str, port: int) -> int:
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:  # newer releases of gRPC raise, older ones return 0
        bound = 0
    if not bound:
        message = f"gRPC can't listen on {host}:{port}: is another server running there? Choose another port, or 0."
        raise ServerStartError(message)
    return bound


def _answer(method: Callable[[Any], Any], request: Any, context: grpc.ServicerContext) -> Any:
    try:
        return method(request)
    except RequestError as error:
        return context.abort(error.code, _cut(error.message))


def _cut(message: str) -> str:
    encoded = message.encode()
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return message
    return encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"
