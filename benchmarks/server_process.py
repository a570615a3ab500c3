"""The local model server as a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc

from benchmarks.wire import Wire
from serving.contract import DEFAULT_MODEL_NAME

_SRP4CTR = Path(sys.executable).parent / "srp4ctr"
_START_SECONDS = 180.0


class ServerProcess:
    """`srp4ctr serve` on ports of this machine, which stay the same when it is started again.

    Args:
        model_dir: The directory of the version directories.
        log: The file that takes what it prints.
        options: More of its command-line options.
    """

    def __init__(self, model_dir: Path, log: Path, options: tuple[str, ...] = ()) -> None:
        self._port, rest_port = free_ports(2)
        ports = ("--port", str(self._port), "--rest-port", str(rest_port))
        self._command = [
            str(_SRP4CTR),
            "serve",
            str(model_dir),
            "--name",
            DEFAULT_MODEL_NAME,
            *ports,
            *options,
        ]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port` of its gRPC port."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None, "start comes first"
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it serves.

        Raises:
            RuntimeError: It ended, or doesn't answer in time.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _START_SECONDS
        with contextlib.closing(Wire(self.address, DEFAULT_MODEL_NAME)) as wire:
            while not _answers(wire):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(
                        f"the model server doesn't serve; it printed:\n{self._log.read_text()}"
                    )
                time.sleep(0.2)

    def stop(self, kill: bool = False) -> None:
        """Ends it: with SIGTERM, which drains, or with SIGKILL."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()
        self._process = None


@contextlib.contextmanager
def running_server(
    model_dir: Path, log: Path, options: tuple[str, ...] = ()
) -> Iterator[ServerProcess]:
    """A started ServerProcess, stopped at the end."""
    server = ServerProcess(model_dir, log, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _answers(wire: Wire) -> bool:
    try:
        wire.inputs()
    except grpc.RpcError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
