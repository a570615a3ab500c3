"""The model server: its models, a gRPC port and a REST port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from pathlib import Path
from types import TracebackType

from serving.server.config.model_config import ModelConfig, VersionPolicy, read_model_configs
from serving.server.config.monitoring import read_prometheus_path
from serving.server.config.watch import ConfigWatch
from serving.server.errors import ServerStartError
from serving.server.front import Front
from serving.server.grpc_server import GrpcServer
from serving.server.health import Health
from serving.server.loading import ModelLoader
from serving.server.metrics import Metrics
from serving.server.model_api import ModelApi
from serving.server.ports import check_port
from serving.server.registry import ModelRegistry
from serving.server.rest.app import RestApp
from serving.server.rest.server import RestServer
from serving.server.retries import RetryingLoad
from serving.server.spare_memory import SpareMemory
from serving.server_options import ServerOptions

_log = logging.getLogger(__name__)
_CLEANUP_SECONDS = 1.0  # after the grace period, for what was cancelled to notice


class ModelServer:
    """Serves models over TensorFlow Serving's interfaces.

    Example:
        with ModelServer("srp4ctr", "exports/ranker", grpc_port=0, rest_port=None) as server:
            with RankingClient(f"127.0.0.1:{server.grpc_port}") as client:
                best = client.rank(user, ["12", "13", "14"], top=2)

    Args:
        model_name: The name that requests must give.
        base_path: The directory of the version directories, `<base_path>/<number>/saved_model.pb`,
            or a URL such as gs://bucket/models/ranker: versions there are copied to a temporary
            folder of this machine before they are loaded.
        grpc_port: Port for gRPC; 0 takes a free one, None none. The attribute has the actual port.
        rest_port: Port for REST; likewise.
        num_versions: How many of the latest versions to serve; 2 lets clients score with states of
            the version before.
        poll_seconds: Seconds between looks for new versions; 0 looks once, at the start.
        host: Host name or address to listen on; 0.0.0.0 for every interface.
        options: Everything else; a model config file in it replaces model_name, base_path and
            num_versions.

    Raises:
        ServerStartError: An argument makes no sense.
    """

    def __init__(
        self,
        model_name: str = "",
        base_path: str | Path = "",
        grpc_port: int | None = 8500,
        rest_port: int | None = 8501,
        num_versions: int = 1,
        poll_seconds: float = 1.0,
        host: str = "127.0.0.1",
        options: ServerOptions = ServerOptions(),  # noqa: B008 - it is frozen
    ) -> None:
        _check(model_name or options.models.config_file, num_versions, poll_seconds)
        policy = VersionPolicy(num_versions=num_versions)
        self._single = ModelConfig(name=model_name, base_path=str(base_path), policy=policy)
        self.host = host
        self.grpc_port = grpc_port
        self.rest_port = rest_port
        self._options = options
        metrics = Metrics()
        models = options.models
        loader = ModelLoader(options.runtime, metrics)
        self._load = RetryingLoad(loader, models.load_retries, models.load_retry_seconds)
        self._registry = ModelRegistry(
            poll_seconds,
            models.settle_seconds,
            models.labels_for_unavailable,
            self._load,
            self._changed,
        )
        self._api = ModelApi(self._registry, options, metrics)
        self._front = Front.make(options)
        self._health = Health(self._front.loop, self._registry.unavailable)
        self._servers: tuple[GrpcServer, RestServer | None] | None = None
        self._watch: ConfigWatch | None = None
        self._memory = SpareMemory()
        self._stopped = threading.Event()

    def start(self) -> ModelServer:
        """Loads the models and begins to answer; returns itself.

        Raises:
            ServerStartError: A model has no version that can be served, a file can't be used, or a
                port can't be taken.
        """
        check_port(self.host, self.grpc_port or 0, "gRPC")
        check_port(self.host, self.rest_port or 0, "REST")
        # What has begun is undone where a later step fails.
        with contextlib.ExitStack() as undo:
            undo.callback(self._registry.stop)
            undo.callback(self._load.stop)
            self._registry.start(self._configs())
            self._front.loop.start()
            undo.callback(self._front.close)
            network = self._options.network
            grpc_server = GrpcServer(
                self._front, self._api, self._health, self.host, self.grpc_port, network
            )
            undo.callback(lambda: self._front.loop.run(grpc_server.stop(0)))
            rest_server = self._rest_server()
            undo.pop_all()
        self._servers = grpc_server, rest_server
        self.grpc_port = grpc_server.port
        grpc_server.start()
        if rest_server is not None:
            self.rest_port = rest_server.port
            rest_server.start()
        self._health.start()
        self._memory.start()
        self._start_watch()
        return self

    def stop(self, grace_seconds: float = 30.0) -> bool:
        """Drains: takes no new requests, finishes those under way, and unloads the models.

        Args:
            grace_seconds: How long requests under way may take.

        Returns:
            Whether all were finished. Models that a request still runs on stay loaded.
        """
        finished = True
        if self._servers is not None:
            deadline = time.monotonic() + grace_seconds
            grpc_server, rest_server = self._servers
            self._servers = None
            self._health.drain()
            self._memory.stop()
            if self._watch is not None:
                self._watch.stop()
            self._front.loop.run(_stop_both(grpc_server, rest_server, grace_seconds))
            self._front.close()
            self._load.stop()
            finished = self._registry.stop(max(deadline - time.monotonic(), _CLEANUP_SECONDS))
            if not finished:
                _log.warning("Requests still run after %g s; they are left alone", grace_seconds)
        self._stopped.set()
        return finished

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Blocks until the server is stopped.

        Returns:
            False if it wasn't within `timeout_seconds`.
        """
        return self._stopped.wait(timeout_seconds)

    @property
    def models(self) -> dict[str, list[int]]:
        """Model -> the versions being served, the latest first."""
        return self._registry.available()

    @property
    def versions(self) -> list[int]:
        """The versions being served of the only model, the latest first."""
        (versions,) = self.models.values()
        return versions

    def _configs(self) -> list[ModelConfig]:
        path = self._options.models.config_file
        return [self._single] if path is None else read_model_configs(path)

    def _rest_server(self) -> RestServer | None:
        if self.rest_port is None:
            return None
        network = self._options.network
        monitoring = network.monitoring_config_file
        page = None if monitoring is None else read_prometheus_path(monitoring)
        app = RestApp(
            self._front, self._api, self._health, page, network.rest_api_timeout_in_ms / 1000
        )
        return RestServer(
            self._front.loop, app, self.host, self.rest_port, network.rest_max_connections
        )

    def _start_watch(self) -> None:
        options = self._options.models
        if options.config_file is not None and options.config_poll_seconds > 0:
            self._watch = ConfigWatch(
                options.config_file, options.config_poll_seconds, self._registry.reload
            )
            self._watch.start()

    def _changed(self) -> None:
        self._health.update()

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


async def _stop_both(
    grpc_server: GrpcServer, rest_server: RestServer | None, grace_seconds: float
) -> None:
    stopping = [grpc_server.stop(grace_seconds)]
    if rest_server is not None:
        stopping.append(rest_server.stop(grace_seconds))
    await asyncio.gather(*stopping)


def _check(model: str | Path | None, num_versions: int, poll_seconds: float) -> None:
    if not model:
        raise ServerStartError("Name a model, or a model config file.")
    if num_versions < 1:
        raise ServerStartError(
            f"num_versions must be at least 1. Received: num_versions={num_versions}"
        )
    if poll_seconds < 0:
        raise ServerStartError(
            f"poll_seconds must not be negative. Received: poll_seconds={poll_seconds}"
        )
