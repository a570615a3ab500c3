"""The image of Beam's workers makes the records that one process makes, as Prism's DOCKER
environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.beam import BeamConfig, beam_args
from tests.containers.conftest import WORKER
from tests.containers.engine import Engine
from tests.engines.conftest import a_prism
from tests.engines.jobs import DIRECT, upload_dataset, write_records, written
from tests.engines.processes import wait_for
from tests.testing import write_small_dataset

pytestmark = pytest.mark.slow


@pytest.fixture
def docker_api(engine: Engine, tmp_path: Path, logs: Path) -> Iterator[dict[str, str]]:
    """The variables that tell Prism, which speaks Docker's API, where that is."""
    if not engine.is_podman:
        yield {}
        return
    socket = tmp_path / "docker.sock"
    command = [engine.command, "system", "service", "--time=0", f"unix://{socket}"]
    with (logs / "podman").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for(socket.exists, "podman to open its socket")
    yield {"DOCKER_HOST": f"unix://{socket}"}
    process.terminate()
    process.wait()


@pytest.fixture
def worker_of_the_bucket(worker: str, engine: Engine, gs_bucket: str, tmp_path: Path) -> str:
    """The image, and where the emulator of gs:// is: Prism gives containers no variables."""
    emulator = os.environ["STORAGE_EMULATOR_HOST"]
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {worker}\nENV STORAGE_EMULATOR_HOST={emulator}\n")
    return engine.build(f"{WORKER.partition(':')[0]}:bucket", folder)


def test_records_are_those_of_one_process(
    worker_of_the_bucket: str,
    docker_api: dict[str, str],
    gs_bucket: str,
    logs: Path,
    tmp_path: Path,
) -> None:
    spec = write_small_dataset(tmp_path)
    counters = write_records(spec, str(tmp_path / "direct"), DIRECT)
    there = upload_dataset(spec, tmp_path, f"{gs_bucket}/data")
    with a_prism(logs / "prism", docker_api) as (address, _):
        options = (f"--job_endpoint={address}", "--project=project")
        beam = BeamConfig(runner="portable", image=worker_of_the_bucket, options=options)
        assert write_records(there, f"{gs_bucket}/out", beam_args(beam)) == counters
    found = written(f"{gs_bucket}/out")
    expected = written(str(tmp_path / "direct"))
    assert len(found.files) > 10 and found == expected
