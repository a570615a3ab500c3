"""TensorFlow Serving's REST interface over HTTP."""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer

from serving.server.errors import ServerStartError
from serving.server.health import Health
from serving.server.model_api import ModelApi
from serving.server.rest.handler import RestHandler


class RestServer(ThreadingHTTPServer):
    """An HTTP server on a port, a thread a connection.

    Args:
        api: What answers.
        health: What tells whether it can.
        prometheus_path: The path of the page of metrics; None shows none.
        host: Host name or address to listen on.
        port: Port; 0 takes a free one, see the attribute `port`.

    Raises:
        ServerStartError: The port can't be taken.
    """

    request_queue_size = 128

    def __init__(self, api: ModelApi, health: Health, prometheus_path: str | None, host: str, port: int) -> None:
        self.api, self.health, self.prometheus_path = api, health, prometheus_path
        self.draining = False
        self._under_way = 0
        self._idle = threading.Condition()
        try:
            super().__init__((host, port), RestHandler)
        except OSError as error:
            raise ServerStartError(
                f"REST can't listen on {host}:{port}: {error.strerror}. Choose another port, or 0."
            ) from None
        self.port: int = self.server_address[1]

    def start(self) -> None:
        """Begins to answer, in a thread of its own."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="rest", daemon=True).start()

    def stop(self, grace_seconds: float) -> None:
        """Takes no new connections and gives the requests under way `grace_seconds`."""
        self.draining = True
        self.shutdown()
        self.server_close()
        with self._idle:
            self._idle.wait_for(lambda: self._under_way == 0, grace_seconds)

    def begin_request(self) -> None:
        """Counts a request that `stop` has to wait for."""
        with self._idle:
            self._under_way += 1

    def end_request(self) -> None:
        """Counts it as finished, its response sent."""
        with self._idle:
            self._under_way -= 1
            self._idle.notify_all()
