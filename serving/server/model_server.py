"""The model server: one model, a gRPC port and a REST port."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from pathlib import Path
from types import TracebackType

import tensorflow as tf

from serving.server import versions
from serving.server.errors import ServerStartError
from serving.server.grpc_server import GrpcServer
from serving.server.manager import VersionManager
from serving.server.model_api import ModelApi
from serving.server.rest_server import RestServer


class ModelServer:
    """Serves the latest versions of one model.

    Example:
        with ModelServer("srp4ctr", "exports/ranker", grpc_port=0, rest_port=0) as server:
            client = RankingClient(f"127.0.0.1:{server.grpc_port}")

    Args:
        model_name: The name that requests must give.
        base_path: The directory of the version directories, `<base_path>/<number>/saved_model.pb`.
        grpc_port: Port for gRPC; 0 takes a free one. The attribute has the actual port.
        rest_port: Port for REST; likewise.
        num_versions: How many of the latest versions to serve; 2 lets clients score with states of the version before.
        poll_seconds: Seconds between looks for new versions.
        host: Host name or address to listen on; 0.0.0.0 for every interface.

    Raises:
        ServerStartError: An argument makes no sense.
    """

    def __init__(
        self,
        model_name: str,
        base_path: str | Path,
        grpc_port: int = 8500,
        rest_port: int = 8501,
        num_versions: int = 1,
        poll_seconds: float = 1.0,
        host: str = "127.0.0.1",
    ) -> None:
        _check(model_name, num_versions, poll_seconds)
        self.model_name, self.base_path, self.host = model_name, Path(base_path), host
        self.grpc_port, self.rest_port = grpc_port, rest_port
        self._manager = VersionManager(model_name, self.base_path, num_versions, poll_seconds)
        self._servers: tuple[GrpcServer, RestServer] | None = None
        self._stopped = threading.Event()

    def start(self) -> ModelServer:
        """Loads the model and begins to answer; returns itself.

        Raises:
            ServerStartError: There is no version to serve, it can't be loaded, or a port can't be taken.
        """
        self._manager.start()
        with contextlib.ExitStack() as undo:
            undo.callback(self._manager.stop)
            api = ModelApi(self._manager)
            grpc_server = GrpcServer(api, self.host, self.grpc_port)
            undo.callback(grpc_server.stop, 0)
            rest_server = RestServer(api, self.host, self.rest_port)
            undo.pop_all()
        self._servers = grpc_server, rest_server
        self.grpc_port, self.rest_port = grpc_server.port, rest_server.port
        grpc_server.start()
        rest_server.start()
        return self

    def stop(self, grace_seconds: float = 30.0) -> None:
        """Takes no new requests, finishes those under way within `grace_seconds`, and unloads the model."""
        if self._servers is not None:
            grpc_server, rest_server = self._servers
            self._servers = None
            deadline = time.monotonic() + grace_seconds
            finished = grpc_server.stop(grace_seconds)
            rest_server.stop(grace_seconds)
            finished.wait(max(deadline - time.monotonic(), 0.0))
            self._manager.stop()
        self._stopped.set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Blocks until the server is stopped; returns False if it wasn't within `timeout_seconds`."""
        return self._stopped.wait(timeout_seconds)

    @property
    def versions(self) -> list[int]:
        """The versions being served, the latest first."""
        return [version for version, s in self._manager.statuses().items() if s.state == versions.AVAILABLE]

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    base_path: str | Path,
    model_name: str = "srp4ctr",
    grpc_port: int = 8500,
    rest_port: int = 8501,
    num_versions: int = 1,
    poll_seconds: float = 1.0,
    host: str = "127.0.0.1",
) -> None:
    """Runs a ModelServer until SIGTERM or SIGINT, then drains it; the arguments are ModelServer's.

    Call it from the main thread.

    Raises:
        ServerStartError: See ModelServer.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    tf.get_logger().setLevel(logging.ERROR)  # loading on a v1 session is deprecated, and here intended
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with ModelServer(model_name, base_path, grpc_port, rest_port, num_versions, poll_seconds, host) as server:
        print(f"Model '{model_name}' from {base_path}, version(s) {', '.join(map(str, server.versions))}", flush=True)
        print(f"gRPC: {host}:{server.grpc_port}", flush=True)
        print(f"REST: http://{host}:{server.rest_port}/v1/models/{model_name}", flush=True)
        asked_to_stop.wait()
        print("Draining", flush=True)
    print("Stopped", flush=True)


def _check(model_name: str, num_versions: int, poll_seconds: float) -> None:
    if not model_name:
        raise ServerStartError("model_name must not be empty.")
    if num_versions < 1:
        raise ServerStartError(f"num_versions must be at least 1. Received: num_versions={num_versions}")
    if poll_seconds <= 0:
        raise ServerStartError(f"poll_seconds must be positive. Received: poll_seconds={poll_seconds}")
