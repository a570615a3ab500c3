"""TensorFlow Serving's PredictionService and ModelService over gRPC."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.config.tls import read_server_credentials
from serving.server.errors import RequestError, ServerStartError
from serving.server.health import Health
from serving.server.model_api import ModelApi
from serving.server.options import NetworkOptions

_log = logging.getLogger(__name__)
_MAX_MESSAGE_BYTES = 1024  # of an error message


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the rest answers UNIMPLEMENTED."""

    def __init__(self, api: ModelApi) -> None:
        self._api = api

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._predict, request, context)

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.get_model_metadata, request, context)

    def _predict(self, request: Any) -> Any:
        with self._api.counted(request.model_spec.name, "GRPC"):
            return self._api.predict(request)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and, where it is allowed, HandleReloadConfigRequest."""

    def __init__(self, api: ModelApi) -> None:
        self._api = api

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.get_model_status, request, context)

    def HandleReloadConfigRequest(self, request: Any, context: grpc.ServicerContext) -> Any:
        return _answer(self._api.reload_config, request, context)


class GrpcServer:
    """A gRPC server on a port and, if asked for, on a Unix-domain socket.

    Args:
        api: What answers.
        health: What tells whether it can.
        host: Host name or address to listen on.
        port: Port; 0 takes a free one, see the attribute `port`.
        options: Socket, TLS, threads and channel arguments.

    Raises:
        ServerStartError: The port or socket can't be taken, or an option can't be read.
    """

    def __init__(self, api: ModelApi, health: Health, host: str, port: int, options: NetworkOptions) -> None:
        defaults: dict[str, int | str] = {
            "grpc.max_receive_message_length": api.limits.max_message_bytes,
            "grpc.max_send_message_length": -1,
            "grpc.so_reuseport": 0,  # two servers must not share a port
        }
        threads = futures.ThreadPoolExecutor(options.grpc_max_threads, thread_name_prefix="grpc")
        arguments = defaults | parse_channel_arguments(options.grpc_channel_arguments)
        self._server = grpc.server(threads, options=list(arguments.items()))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(api), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(api), self._server)
        health.add_to(self._server)
        self._credentials = (
            None if options.ssl_config_file is None else read_server_credentials(options.ssl_config_file)
        )
        self.port = self._bind(f"{host}:{port}", "Choose another port, or 0.")
        if options.grpc_socket_path is not None:
            self._bind(f"unix:{options.grpc_socket_path}", "Choose another path, in a directory that exists.")

    def start(self) -> None:
        """Begins to answer."""
        self._server.start()

    def stop(self, grace_seconds: float) -> threading.Event:
        """Takes no new requests and gives those under way `grace_seconds`; the event is set when all are finished."""
        return self._server.stop(grace_seconds)

    def _bind(self, address: str, advice: str) -> int:
        try:
            if self._credentials is None:
                bound = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, self._credentials)
        except RuntimeError:  # newer releases of gRPC raise, older ones return 0
            bound = 0
        if not bound:
            raise ServerStartError(f"gRPC can't listen on {address}: is another server running there? {advice}")
        return bound


def parse_channel_arguments(text: str) -> dict[str, int | str]:
    """`name=value,...` as a mapping, whole numbers as such.

    Raises:
        ServerStartError: A part has no "=".
    """
    arguments: dict[str, int | str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise ServerStartError(f"--grpc_channel_arguments: expected name=value,... Received: {part!r}")
        arguments[name] = int(value) if value.removeprefix("-").isdigit() else value
    return arguments


def _answer(method: Callable[[Any], Any], request: Any, context: grpc.ServicerContext) -> Any:
    try:
        return method(request)
    except RequestError as error:
        return context.abort(error.code, _cut(error.message))
    except Exception as error:
        _log.exception("A request failed in the server itself")
        return context.abort(grpc.StatusCode.INTERNAL, _cut(f"{type(error).__name__}: {error}"))


def _cut(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= _MAX_MESSAGE_BYTES:
        return message
    return encoded[:_MAX_MESSAGE_BYTES].decode(errors="ignore") + "...TRUNCATED"
