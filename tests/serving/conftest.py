"""Saved toy models, a local server in a thread, and what the tests of the wire talk to."""

import dataclasses
import os
import shutil
import time

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
    rest_address: str | None

    def __post_init__(self):
        self.channel = grpc.insecure_channel(self.grpc_address)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Saved versions by number: 1 and 2 alike, 3 with one more user input."""
    base = tmp_path_factory.mktemp("saved")
    return {
        1: toy_ranker.save(base, 1),
        2: toy_ranker.save(base, 2, warmup_user_ids=("1", "2")),
        3: toy_ranker.save(base, 3, timed=True),
    }


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """A folder with the files of certificates.py."""
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def model_dir(saved, tmp_path):
    """A model directory with version 1."""
    shutil.copytree(saved[1], tmp_path / "models" / "1")
    return tmp_path / "models"


@pytest.fixture(scope="session")
def local(saved, tmp_path_factory):
    """The local server, with its defaults."""
    base = tmp_path_factory.mktemp("target")
    shutil.copytree(saved[1], base / "1")
    with ModelServer(toy_ranker.NAME, base, grpc_port=0, rest_port=0) as server:
        yield Target(f"127.0.0.1:{server.grpc_port}", f"127.0.0.1:{server.rest_port}")


@pytest.fixture(scope="session", params=["local"] + (["tensorflow_serving"] if _REAL else []))
def target(request):
    """The local server; and a real tensorflow/serving, if TFS_GRPC_ADDRESS names one."""
    if request.param == "tensorflow_serving":
        return Target(_REAL, os.environ.get("TFS_REST_ADDRESS"))
    return request.getfixturevalue("local")


@pytest.fixture
def start():
    """Starts local servers that poll often, and stops them after the test."""
    servers = []

    def start_server(base_path, **options):
        options = {"grpc_port": 0, "rest_port": 0, "poll_seconds": POLL_SECONDS} | options
        servers.append(ModelServer(toy_ranker.NAME, base_path, **options).start())
        return servers[-1]

    yield start_server
    for server in servers:
        server.stop(grace_seconds=5)


@pytest.fixture
def connect():
    """The stubs of a local server."""
    targets = []

    def connect_to(server):
        targets.append(Target(f"127.0.0.1:{server.grpc_port}", f"127.0.0.1:{server.rest_port}"))
        return targets[-1]

    yield connect_to
    for each in targets:
        each.channel.close()


@pytest.fixture
def push():
    """Pushes a saved version into a model directory, complete at once."""

    def push_version(saved_path, model_dir):
        shutil.copytree(saved_path, model_dir / "incoming")
        (model_dir / "incoming").rename(model_dir / saved_path.name)

    return push_version


@pytest.fixture
def eventually():
    """Waits until a condition holds."""

    def wait(condition, timeout_seconds=60):
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            time.sleep(0.02)

    return wait
