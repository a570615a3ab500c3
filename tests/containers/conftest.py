"""Images that `make test-containers` builds, and what they are built of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.containers.engine import Engine, find_engine
from tests.engines.conftest import gs_bucket, logs  # noqa: F401 (fixtures)
from tests.engines.processes import BUILT, ROOT
from tests.serving.conftest import eventually, saved  # noqa: F401 (fixtures)
from tests.test_dockerfile import STACK

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
DEBIAN = {"tfx116": "bookworm", "tfx121": "trixie"}[STACK]
BEAM = f"docker.io/apache/beam_python{PYTHON}_sdk:{version('apache-beam')}"
BOOT = "localhost/srp4ctr-test-boot:latest"
PACKAGE = "localhost/srp4ctr-test:latest"
WORKER = "localhost/srp4ctr-test-worker:latest"

# Who doesn't ask for them by `make test-containers` doesn't even import them.
collect_ignore_glob = [] if "TEST_CONTAINERS" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """What is here."""
    found = find_engine()
    if found is None:
        pytest.skip("there is no Docker whose daemon answers, and no podman")
    return found


def python_image(engine: Engine) -> str:
    """The image with Python that others are built on; skips the test where it can't be had."""
    base = os.environ.get("DEPLOY_BASE", f"docker.io/library/python:{PYTHON}-slim-{DEBIAN}")
    if not engine.has_image(base):
        pytest.skip(f"{base} can't be pulled; name another image with Python by DEPLOY_BASE")
    return base


@pytest.fixture(scope="session")
def revision() -> str:
    """The commit that images are built of."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("images are built of a commit: this is no checkout, or git is not installed")
    return _git("rev-parse", "HEAD")


@pytest.fixture(scope="session")
def source(revision: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That commit's files, and no others."""
    folder = tmp_path_factory.mktemp("source")
    _git("archive", f"--output={folder}.tar", revision)
    shutil.unpack_archive(f"{folder}.tar", folder)
    return folder


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def build_options(engine: Engine, revision: str) -> list[str]:
    """Of this machine's stack: who submits a job and its workers need the same."""
    base = python_image(engine)
    arguments = {"BASE": base, "STACK": STACK, "REVISION": revision}
    return [f"--build-arg={name}={value}" for name, value in arguments.items()]


@pytest.fixture(scope="session")
def package(engine: Engine, source: Path, build_options: list[str]) -> str:
    """The image of the whole package."""
    return engine.build(PACKAGE, source, *build_options)


@pytest.fixture(scope="session")
def worker(
    engine: Engine, source: Path, build_options: list[str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The image of Beam's workers."""
    beam = BEAM if engine.has_image(BEAM) else _boot(engine, tmp_path_factory.mktemp("boot"))
    return engine.build(
        WORKER, source, *build_options, f"--build-arg=BEAM={beam}", "--target=worker"
    )


def _boot(engine: Engine, folder: Path) -> str:
    """An image with what the worker's takes from Beam's, where that can't be pulled."""
    if not (BUILT / "boot").exists():
        pytest.skip(f"{BEAM} can't be pulled, and boot is not there: it needs Go")
    shutil.copy(BUILT / "boot", folder)
    dockerfile = "FROM scratch\nCOPY boot /opt/apache/beam/boot\n"
    (folder / "Dockerfile").write_text(dockerfile)
    return engine.build(BOOT, folder)
