"""The REST port: uvicorn on the server's event loop."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from serving.server.errors import ServerStartError
from serving.server.event_loop import EventLoop
from serving.server.rest.app import RestApp
from serving.server.rest.connection import BoundedConnection

_KEEP_ALIVE_SECONDS = 60  # of a connection between requests
_BACKLOG = 128  # connections that the system holds before the server takes them


class RestServer:
    """An HTTP server on a port.

    Args:
        loop: Where connections are taken.
        app: What answers.
        host: Host name or address to listen on.
        port: Port; 0 takes a free one, see the attribute `port`.
        max_connections: Connections at once; one more is closed.

    Raises:
        ServerStartError: The port can't be taken.
    """

    def __init__(
        self, loop: EventLoop, app: RestApp, host: str, port: int, max_connections: int
    ) -> None:
        self._loop = loop
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._config = uvicorn.Config(
            app,
            http=BoundedConnection,
            limit_concurrency=max_connections + 1,  # BoundedConnection closes the one that makes it
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            backlog=_BACKLOG,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        self._server = uvicorn.Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to answer."""
        self._loop.run(self._start())

    async def stop(self, grace_seconds: float) -> None:
        """Takes no new connections, and closes the others after at most `grace_seconds`.

        Requests under way have so long to be answered.
        """
        self._server.should_exit = True
        # uvicorn says int, and takes any number.
        self._config.timeout_graceful_shutdown = grace_seconds  # type: ignore[assignment]
        if self._serving is None:
            self._socket.close()
            return
        await self._serving
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def _start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve([self._socket]))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServerStartError(
            f"REST can't listen on {host}:{port}: {error.strerror}. Choose another port."
        ) from None
