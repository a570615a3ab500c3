"""The image of the whole package runs a pipeline, and serves the model that this pushes."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipelines.config import RunConfig, load_run_config
from serving.client import RankingClient
from serving.server import ModelServer
from tests.containers.engine import Engine
from tests.engines.processes import free_port
from tests.pipelines.conftest import write_run
from tests.serving.conftest import Eventually
from tests.testing import HOUR, START

pytestmark = pytest.mark.slow
STRANGER = 12345  # a user whom the image doesn't know
ITEMS = ["i1", "i5", "i2", "nobody knows it"]
USER = {
    "user_id": "u7",
    "user_age": 27.0,
    "timestamp": START + 90 * HOUR,
    "context_device": "phone",
    "history_item_id": ["i4", "i1"],
    "history_action": ["view", "buy"],
    "history_timestamp": [START + 10 * HOUR, START + 11 * HOUR],
}


class Finished(NamedTuple):
    """A run in a container that has ended."""

    config: RunConfig
    code: int
    output: str


def as_a_user_who_may_write(engine: Engine, folder: Path) -> list[str]:
    """Options for a user without rights who owns `folder`, in the container and out of it."""
    if os.getuid() == 0:
        os.chown(folder, STRANGER, STRANGER)
        return [f"--user={STRANGER}"]
    return [f"--user={os.getuid()}", *(["--userns=keep-id"] if engine.is_podman else [])]


@pytest.fixture(scope="module")
def finished(engine: Engine, package: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small run, without a network."""
    folder = tmp_path_factory.mktemp("run")
    config = write_run(folder, data_dir="/app/data", runs_dir="/app/runs")
    (folder / "runs").mkdir()
    user = as_a_user_who_may_write(engine, folder / "runs")
    places = [
        f"--volume={folder}/data:/app/data:ro",
        f"--volume={folder}/runs:/app/runs",
        f"--volume={config}:/app/small.yaml:ro",
    ]
    command = [engine.command, "run", "--rm", "--network=none", *user, *places, package]
    done = subprocess.run(
        [*command, "run", "small.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    here = load_run_config(config).model_copy(update={"runs_dir": str(folder / "runs")})
    return Finished(here, done.returncode, done.stdout)


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """The server's, for gRPC and for REST, on this machine."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def server(
    engine: Engine, package: str, finished: Finished, ports: tuple[int, int]
) -> Iterator[str]:
    """A container that serves what the run pushed, as the image's own user."""
    container = engine.run(
        "run",
        "--detach",
        f"--publish=127.0.0.1:{ports[0]}:8500",
        f"--publish=127.0.0.1:{ports[1]}:8501",
        f"--volume={finished.config.paths.serving_model}:/models/srp4ctr:ro",
        "--read-only",
        "--tmpfs=/tmp",
        package,
        "serve",
        "/models/srp4ctr",
        "--host=0.0.0.0",
    )
    yield container
    engine.run("rm", "--force", container)


def test_a_run_pushes_a_model(finished: Finished) -> None:
    assert finished.code == 0, finished.output[-5000:]
    (version,) = finished.config.paths.serving_model.iterdir()
    assert (version / "saved_model.pb").is_file()


def test_it_writes_its_report(finished: Finished, revision: str) -> None:
    report = finished.config.paths.report
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["git_revision"] == revision
    (version,) = finished.config.paths.serving_model.iterdir()
    assert metrics["pushed_version"] == version.name
    assert "buy" in (report / "index.html").read_text()


def test_a_server_is_healthy_and_ranks_as_one_here_does(
    server: str, engine: Engine, finished: Finished, ports: tuple[int, int]
) -> None:
    address = f"127.0.0.1:{ports[0]}"
    with ModelServer(
        "srp4ctr", finished.config.paths.serving_model, grpc_port=0, rest_port=0
    ) as here:
        expected = rank(f"127.0.0.1:{here.grpc_port}")
    found = rank(address)
    assert list(found) == list(expected)
    assert all(found[item] == pytest.approx(scores, abs=1e-5) for item, scores in expected.items())
    with grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    for path in ("healthz", "readyz", "v1/models/srp4ctr"):
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/{path}", timeout=20) as answer:
            assert answer.status == 200


def rank(address: str) -> dict[str, dict[str, float]]:
    """Scores by item."""
    with RankingClient(address, timeout_seconds=30) as client:
        client.wait_until_ready(120)
        return dict(client.rank(USER, ITEMS, by="buy"))


def test_the_server_runs_as_an_ordinary_user(server: str, engine: Engine) -> None:
    assert engine.run("exec", server, "id", "-u") == "1000"


def test_sigterm_drains_and_ends_the_server(
    server: str, engine: Engine, eventually: Eventually
) -> None:
    """Though it is process 1, which the kernel spares signals that it doesn't handle."""
    eventually(lambda: "gRPC: " in engine.logs(server), 120)
    engine.run("kill", "--signal=TERM", server)
    assert engine.run("wait", server) == "0"
    said = engine.logs(server)
    assert "Draining\n" in said and said.endswith("Stopped\n")
