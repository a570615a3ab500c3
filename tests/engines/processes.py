"""Servers of this machine that tests start: each a process with a log, killed at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv" / "bin"
BUILT = ROOT / "build" / "engines" / "bin"  # by scripts/engines.sh
PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.01


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return int(reserved.getsockname()[1])


def built(name: str, needs: str) -> str:
    """The path of what scripts/engines.sh made; skips the test where it couldn't."""
    path = BUILT / name
    if not path.exists():
        pytest.skip(f"{name} is not there: it needs {needs}")
    return str(path)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Returns when a condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens on `port`, with all that it started, in a working directory of its
    own."""
    environment = (
        os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"} | dict(variables or {})
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd="/", env=environment, start_new_session=True
        )
    try:
        wait_for(lambda: _listens(process, port, log), f"{command[0]} to listen on port {port}")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-2000:]
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
