"""Runs a model server in the foreground, until it is told to stop."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

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
    # A handler may run in the middle of what it would wake. This queue's `put` is made for that, an
    # Event's `set` isn't.
    asked_to_stop: queue.SimpleQueue[int] = queue.SimpleQueue()
    # Starting may take minutes.
    _on_signals(_leave)
    server = ModelServer(
        model_name, base_path, grpc_port, rest_port, num_versions, poll_seconds, host, options
    )
    with server:
        _on_signals(lambda number, _: asked_to_stop.put(number))
        _announce(server, options.models.config_file or base_path)
        asked_to_stop.get()
        print("Draining", flush=True)
        finished = server.stop()
    print("Stopped", flush=True)
    if not finished:
        os._exit(0)  # the interpreter would wait for the threads of requests that had their time


def _on_signals(handler: Callable[[int, FrameType | None], Any]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> None:
    """Ends the process, whatever it does: an exception might leave a lock taken, and hang later."""
    os.write(sys.stdout.fileno(), b"Stopped\n")
    os._exit(0)


def _announce(server: ModelServer, source: str | Path) -> None:
    for name, versions in server.models.items():
        numbers = ", ".join(map(str, versions))
        print(f"Model '{name}' from {source}, version(s) {numbers}", flush=True)
    if server.grpc_port is not None:
        print(f"gRPC: {server.host}:{server.grpc_port}", flush=True)
    if server.rest_port is not None:
        for name in server.models:
            print(f"REST: http://{server.host}:{server.rest_port}/v1/models/{name}", flush=True)
