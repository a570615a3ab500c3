"""Saved toy models, a local server in a thread, and what the tests of the wire talk to."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server import ModelServer
from tests.serving import certificates, toy_ranker

POLL_SECONDS = 0.1
_REAL = os.environ.get("TFS_GRPC_ADDRESS")


@dataclasses.dataclass
class Target:
    """A server with version 1 of the toy model."""

    grpc_address: str
    rest_address: str  # empty where it has no REST port

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(self.grpc_address)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)


class StartServer(Protocol):
    """Starts a local server of a model directory; options are ModelServer's."""

    def __call__(self, base_path: str | Path, **options: Any) -> ModelServer: ...


class Connect(Protocol):
    """Makes the stubs of a local server."""

    def __call__(self, server: ModelServer) -> Target: ...


class Push(Protocol):
    """Pushes a saved version into a model directory."""

    def __call__(self, saved_path: Path, model_dir: Path) -> None: ...


class Eventually(Protocol):
    """Waits until a condition holds."""

    def __call__(self, condition: Callable[[], object], timeout_seconds: float = 60) -> None: ...


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Saved versions by number: 1 and 2 alike, 3 with one more user input."""
    base = tmp_path_factory.mktemp("saved")
    return {
        1: toy_ranker.save(base, 1),
        2: toy_ranker.save(base, 2, warmup_user_ids=("1", "2")),
        3: toy_ranker.save(base, 3, timed=True),
    }


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of certificates.py."""
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def model_dir(saved: dict[int, Path], tmp_path: Path) -> Path:
    """A model directory with version 1."""
    shutil.copytree(saved[1], tmp_path / "models" / "1")
    return tmp_path / "models"


@pytest.fixture(scope="session")
def local(saved: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The local server, with its defaults."""
    base = tmp_path_factory.mktemp("target")
    shutil.copytree(saved[1], base / "1")
    with ModelServer(toy_ranker.NAME, base, grpc_port=0, rest_port=0) as server:
        yield Target(f"127.0.0.1:{server.grpc_port}", f"127.0.0.1:{server.rest_port}")


@pytest.fixture(scope="session", params=["local", *([_REAL] if _REAL else [])])
def target(request: pytest.FixtureRequest) -> Target:
    """The local server; and a real tensorflow/serving, if TFS_GRPC_ADDRESS names one."""
    if request.param != "local":
        return Target(request.param, os.environ.get("TFS_REST_ADDRESS", ""))
    return request.getfixturevalue("local")


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Starts local servers that poll often, and stops them after the test."""
    servers = []

    def start_server(base_path: str | Path, **options: Any) -> ModelServer:
        options = {"grpc_port": 0, "rest_port": 0, "poll_seconds": POLL_SECONDS} | options
        servers.append(ModelServer(toy_ranker.NAME, base_path, **options).start())
        return servers[-1]

    yield start_server
    for server in servers:
        server.stop(grace_seconds=5)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """The stubs of a local server."""
    targets = []

    def connect_to(server: ModelServer) -> Target:
        targets.append(Target(f"127.0.0.1:{server.grpc_port}", f"127.0.0.1:{server.rest_port}"))
        return targets[-1]

    yield connect_to
    for each in targets:
        each.channel.close()


@pytest.fixture
def push() -> Push:
    """Pushes a saved version into a model directory, complete at once."""

    def push_version(saved_path: Path, model_dir: Path) -> None:
        shutil.copytree(saved_path, model_dir / "incoming")
        (model_dir / "incoming").rename(model_dir / saved_path.name)

    return push_version


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition holds."""

    def wait(condition: Callable[[], object], timeout_seconds: float = 60) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            time.sleep(0.02)

    return wait
