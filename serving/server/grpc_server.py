"""The gRPC port: an asyncio front, so that calls which are open and idle hold no thread."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.server.config.tls import read_server_credentials
from serving.server.errors import ServerStartError
from serving.server.front import Front
from serving.server.grpc_methods import generic_handler, services
from serving.server.health import Health
from serving.server.model_api import ModelApi
from serving.server_options import NetworkOptions

_MINUTE_MS = 60_000
# Connections: how many, how many calls on each, and when they are closed. Clients reconnect without
# an error.
_CHANNEL_ARGUMENTS: dict[str, int | str] = {
    "grpc.max_send_message_length": -1,
    "grpc.so_reuseport": 0,  # two servers must not share a port
    "grpc.max_allowed_incoming_connections": 256,
    "grpc.max_concurrent_streams": 256,
    "grpc.max_connection_idle_ms": 10 * _MINUTE_MS,
    "grpc.max_connection_age_ms": 30 * _MINUTE_MS,
    "grpc.max_connection_age_grace_ms": _MINUTE_MS,
    "grpc.keepalive_time_ms": _MINUTE_MS,
    "grpc.keepalive_timeout_ms": 20_000,
    # Clients may look after their connections, too.
    "grpc.http2.min_ping_interval_without_data_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
}


class GrpcServer:
    """A gRPC server on a port and, if asked for, on a Unix-domain socket.

    Args:
        front: Where calls are taken, and whose threads answer them.
        api: What answers.
        health: What tells whether it can.
        host: Host name or address to listen on.
        port: Port; 0 takes a free one, see the attribute `port`; None listens on no port.
        options: Socket, TLS and channel arguments.

    Raises:
        ServerStartError: The port or socket can't be taken, or an option can't be read.
    """

    def __init__(
        self,
        front: Front,
        api: ModelApi,
        health: Health,
        host: str,
        port: int | None,
        options: NetworkOptions,
    ) -> None:
        limit: dict[str, int | str] = {
            "grpc.max_receive_message_length": api.limits.max_message_bytes
        }
        arguments = (
            _CHANNEL_ARGUMENTS | limit | parse_channel_arguments(options.grpc_channel_arguments)
        )
        file = options.ssl_config_file
        self._credentials = None if file is None else read_server_credentials(file)
        self._loop = front.loop
        self._server = front.loop.run(_make(arguments))
        for service, methods in services(api, front).items():
            handler = generic_handler(service, methods, front.held, api)
            self._server.add_generic_rpc_handlers((handler,))
        health_pb2_grpc.add_HealthServicer_to_server(health.service, self._server)
        if options.grpc_reflection:
            names = [*services(api, front), "grpc.health.v1.Health", reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._server)
        self.port = None if port is None else self._bind(f"{host}:{port}", "Choose another port.")
        if options.grpc_socket_path is not None:
            self._bind(
                f"unix:{options.grpc_socket_path}",
                "Choose another path, in a directory that exists.",
            )

    def start(self) -> None:
        """Begins to answer."""
        self._loop.run(self._server.start())

    async def stop(self, grace_seconds: float) -> None:
        """Takes no new requests, gives those under way `grace_seconds`, then cancels them."""
        await self._server.stop(grace_seconds)

    def _bind(self, address: str, advice: str) -> int:
        try:
            if self._credentials is None:
                bound = self._server.add_insecure_port(address)
            else:
                bound = self._server.add_secure_port(address, self._credentials)
        except RuntimeError:  # newer releases of gRPC raise, older ones return 0
            bound = 0
        if not bound:
            raise ServerStartError(
                f"gRPC can't listen on {address}: is another server running there? {advice}"
            )
        return bound


async def _make(arguments: dict[str, int | str]) -> grpc.aio.Server:
    """A server that belongs to the loop that runs this."""
    return grpc.aio.server(options=list(arguments.items()))


def parse_channel_arguments(text: str) -> dict[str, int | str]:
    """`name=value,...` as a mapping, whole numbers as such.

    Raises:
        ServerStartError: A part has no "=".
    """
    arguments: dict[str, int | str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise ServerStartError(
                f"--grpc_channel_arguments: expected name=value,... Received: {part!r}"
            )
        arguments[name] = int(value) if value.removeprefix("-").isdigit() else value
    return arguments
