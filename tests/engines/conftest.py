"""Beam's engines and emulators of stores and of Pub/Sub, as `make test-engines` has them on one
machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from pipelines.beam import BeamConfig, beam_args
from tests.engines import google_front
from tests.engines.processes import VENV, built, free_port, running
from tests.serving.redis_server import RedisServer
from tests.trainer.conftest import Exported, exported, pretrained, toy  # noqa: F401 (fixtures)

WORKER = VENV / "srp4ctr-beam-worker"
PROCESS = [
    "--environment_type=PROCESS",
    f"--environment_config={json.dumps({'command': str(WORKER)})}",
]
ENGINES = ("multiprocess", "prism", "prism_pool", "prism_process", "flink", "spark")
REMOTE = ENGINES[2:]  # whose workers are no children of the process that submits the job


# Who doesn't ask for them by `make test-engines` doesn't even import them.
collect_ignore_glob = [] if "TEST_ENGINES" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What servers say."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def prism(logs: Path) -> Iterator[str]:
    """host:port of a Prism's job service."""
    with a_prism(logs / "prism") as (address, _):
        yield address


@contextlib.contextmanager
def a_prism(
    log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[str, psutil.Process]]:
    """host:port of a Prism's job service, and its process."""
    port = free_port()
    web = free_port()
    command = [
        built("prism", "Go"),
        f"--job_port={port}",
        f"--web_port={web}",
        "--idle_shutdown_timeout=-1s",
    ]
    with running(command, port, log, variables) as process:
        yield f"localhost:{port}", psutil.Process(process.pid)


@pytest.fixture(scope="session")
def pool(logs: Path) -> Iterator[str]:
    """host:port of a worker pool, as one would run beside each task manager."""
    port = free_port()
    command = [
        str(VENV / "python"),
        "-m",
        "apache_beam.runners.worker.worker_pool_main",
        f"--service_port={port}",
    ]
    path = {"PATH": f"{VENV}:{os.environ['PATH']}"}  # the pool starts `python`
    with running(command, port, logs / "pool", path):
        yield f"localhost:{port}"


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> list[str]:
    """Beam's options for one of ENGINES."""
    name = request.param
    if name == "multiprocess":
        return beam_args(BeamConfig(runner=name, options=("--direct_num_workers=2",)))
    if name in ("flink", "spark"):
        return _cluster(name)
    prism = request.getfixturevalue("prism")
    if name == "prism":
        return beam_args(BeamConfig(runner=name, options=(f"--job_endpoint={prism}",)))
    if name == "prism_process":
        return portable(prism, PROCESS)
    return portable(
        prism,
        ["--environment_type=EXTERNAL", f"--environment_config={request.getfixturevalue('pool')}"],
    )


def portable(address: str, environment: list[str]) -> list[str]:
    """Beam's options for a job service."""
    return beam_args(
        BeamConfig(runner="portable", options=(f"--job_endpoint={address}", *environment))
    )


def _cluster(name: str) -> list[str]:
    """A real cluster, named by FLINK_MASTER or SPARK_MASTER; its workers are processes of this
    environment."""
    variable, option = {
        "flink": ("FLINK_MASTER", "flink_master"),
        "spark": ("SPARK_MASTER", "spark_master_url"),
    }[name]
    if variable not in os.environ:
        pytest.skip(f"{variable} names no cluster")
    more = os.environ.get("ENGINE_OPTIONS", "").split()
    return beam_args(
        BeamConfig(runner=name, options=(f"--{option}={os.environ[variable]}", *PROCESS, *more))
    )


@pytest.fixture(scope="session")
def model(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A directory of versions."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    shutil.copytree(exported.folder, folder / "7")
    return folder


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    """The URL of an empty bucket, at an emulator; workers in this process and in others it starts
    know where."""
    return str(request.getfixturevalue(f"{request.param}_bucket"))


@pytest.fixture
def gs_bucket(logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    port = free_port()
    command = [built("gcp-storage-emulator", "PyPI"), "start", f"--port={port}", "--in-memory"]
    command.append("--default-bucket=bucket")
    with running(command, port, logs / "gs"):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
        yield "gs://bucket"


@pytest.fixture
def tensorflow_gs_bucket(
    gs_bucket: str, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The bucket of `gs_bucket`, which TensorFlow reaches, too, as do processes that start now."""
    port = free_port()
    emulator = os.environ["STORAGE_EMULATOR_HOST"].rpartition(":")[2]
    certificate = tmp_path / "google.pem"
    command = [str(VENV / "python"), "-m", "tests.engines.google_front"]
    with running([*command, str(port), emulator, str(certificate)], port, logs / "google"):
        for name, value in google_front.variables(port, certificate).items():
            monkeypatch.setenv(name, value)
        yield gs_bucket


@pytest.fixture
def s3_bucket(logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    boto3 = pytest.importorskip("boto3")
    port = free_port()
    with running([built("moto_server", "PyPI"), f"--port={port}"], port, logs / "s3"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield "s3://bucket"


@pytest.fixture
def pubsub(logs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The project of a Pub/Sub emulator, which takes names of six letters or more."""
    emulator = _pubsub_emulator()
    port = free_port()
    with running([str(emulator), "--host=localhost", f"--port={port}"], port, logs / "pubsub"):
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"localhost:{port}")
        yield "project"


def _pubsub_emulator() -> Path:
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        pytest.skip(
            "the Pub/Sub emulator is not there: it needs gcloud, its component "
            "pubsub-emulator, and Java"
        )
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    root = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    emulator = Path(root, "platform", "pubsub-emulator", "bin", "cloud-pubsub-emulator")
    if not emulator.exists():
        pytest.skip("the Pub/Sub emulator is not there: gcloud components install pubsub-emulator")
    return emulator
