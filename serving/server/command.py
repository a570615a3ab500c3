"""Runs a model server in the foreground, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import tensorflow as tf

from serving.contract import DEFAULT_MODEL_NAME
from serving.server.model_server import ModelServer
from serving.server_options import ServerOptions


def serve(
    base_path: str | Path = "",
    model_name: str = DEFAULT_MODEL_NAME,
    grpc_port: int | None = 8500,
    rest_port: int | None = 8501,
    num_versions: int = 1,
    poll_seconds: float = 1.0,
    host: str = "127.0.0.1",
    options: ServerOptions = ServerOptions(),  # noqa: B008 - it is frozen
) -> None:
    """Runs a ModelServer until SIGTERM or SIGINT, then drains it; the arguments are ModelServer's.

    One that is still starting ends at once: it has nothing to drain.

    Call it from the main thread.

    Raises:
        ServerStartError: See ModelServer.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Loading on a v1 session is deprecated, and here intended.
    tf.get_logger().setLevel(logging.ERROR)
    started = threading.Event()
    asked_to_stop = threading.Event()
    _watch_signals(started, asked_to_stop)
    server = ModelServer(
        model_name, base_path, grpc_port, rest_port, num_versions, poll_seconds, host, options
    )
    source = options.models.config_file or base_path
    with server:
        started.set()
        _announce(server, source)
        asked_to_stop.wait()
        print("Draining", flush=True)
        finished = server.stop()
    print("Stopped", flush=True)
    if not finished:
        os._exit(0)  # the interpreter would wait for the threads of requests that had their time


def _watch_signals(started: threading.Event, asked_to_stop: threading.Event) -> None:
    """Sets `asked_to_stop` at SIGTERM or SIGINT; before `started`, ends the process instead.

    A thread waits for them, not a handler: Python calls handlers between two steps of the main
    thread, which may just have begun to wait for an hour.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def watch() -> None:
        os.read(reading, 1)
        if not started.is_set():
            os.write(sys.stdout.fileno(), b"Stopped\n")
            os._exit(0)
        asked_to_stop.set()

    threading.Thread(target=watch, name="signals", daemon=True).start()


def _announce(server: ModelServer, source: str | Path) -> None:
    for name, versions in server.models.items():
        numbers = ", ".join(map(str, versions))
        print(f"Model '{name}' from {source}, version(s) {numbers}", flush=True)
    if server.grpc_port is not None:
        print(f"gRPC: {server.host}:{server.grpc_port}", flush=True)
    if server.rest_port is not None:
        for name in server.models:
            print(f"REST: http://{server.host}:{server.rest_port}/v1/models/{name}", flush=True)
