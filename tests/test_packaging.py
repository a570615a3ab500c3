"""The wheel and the source distribution, and what the wheel alone gives a ranking service."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from serving import __version__
from tests.test_dockerfile import find_uv

ROOT = Path(__file__).parent.parent
PACKAGES = ("preprocessing", "trainer", "serving", "pipelines")
REVISION = "of the build"
# Imports the clients where nothing but the wheel's own requirements is installed.
CLIENT = (
    "import importlib.util as u, sys, serving.client, serving.async_client, serving.signatures\n"
    "import serving.user_statistics\n"
    "assert 'site-packages' in serving.client.__file__, serving.client.__file__\n"
    "assert not [name for name in ('tensorflow', 'tfx', 'apache_beam', 'pyarrow', 'redis') if "
    "u.find_spec(name)]\n"
    "with serving.client.RankingClient('localhost:1', timeout_seconds=0.1) as client:\n"
    "    try:\n"
    "        client.rank({'user_id': '1'}, ['2'])\n"
    "    except serving.client.RankingError as error:\n"
    "        print(error)\n"
)


def _sources() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source distribution, as `make dist` builds them."""
    source = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "setup.py", "--quiet", "sdist", "bdist_wheel"]
    environment = os.environ | {"SRP4CTR_REVISION": REVISION}
    subprocess.run(
        command, cwd=source, check=True, capture_output=True, timeout=300, env=environment
    )
    return source / "dist"


def test_both_distributions_have_every_file_of_the_packages(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    (sdist,) = distributions.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert _sources() <= set(archive.namelist())
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert _sources() | {"setup.py", "pyproject.toml"} <= packed


def test_the_wheel_says_what_it_is_and_that_it_has_types(distributions: Path) -> None:
    (wheel,) = distributions.glob(f"srp4ctr-{__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        stated = message_from_bytes(archive.read(name))
        typed = [name for name in archive.namelist() if name.endswith("/py.typed")]
    assert sorted(typed) == [f"{package}/py.typed" for package in sorted(PACKAGES)]
    assert stated["Version"] == __version__
    assert stated["License-Expression"] == "Apache-2.0"
    assert stated["Requires-Python"] == ">=3.10"
    assert stated["Summary"] and stated["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in stated.get_all("Classifier", [])
    assert stated.get_all("Project-URL")
    assert "docs" in stated.get_all("Provides-Extra", [])


def test_both_distributions_are_stamped_with_their_revision(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    (sdist,) = distributions.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("pipelines/REVISION").decode() == f"{REVISION}\n"
    with tarfile.open(sdist) as archive:
        (name,) = [name for name in archive.getnames() if name.endswith("/pipelines/REVISION")]
        stamp = archive.extractfile(name)
        assert stamp is not None and stamp.read().decode() == f"{REVISION}\n"


@pytest.mark.slow
def test_the_wheel_alone_gives_a_client_and_a_command_that_names_the_extra_it_misses(
    distributions: Path, tmp_path: Path
) -> None:
    uv = find_uv()
    environment = tmp_path / "venv"
    assert uv is not None, "uv comes with `make setup`"
    python = environment / "bin" / "python"
    (wheel,) = distributions.glob("*.whl")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, wheel], check=True, timeout=300
    )

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )

    ranked = run(python, "-c", CLIENT)
    assert ranked.returncode == 0 and "localhost:1, model 'srp4ctr'" in ranked.stdout, ranked
    version = run(environment / "bin" / "srp4ctr", "--version")
    assert version.stdout == f"srp4ctr {__version__}\n", version
    help_ = run(environment / "bin" / "srp4ctr", "--help")
    assert help_.returncode == 0 and "serve" in help_.stdout, help_
    served = run(environment / "bin" / "srp4ctr", "serve", "models")
    assert (
        served.returncode == 2
        and "package tensorflow" in served.stderr
        and "[serving]" in served.stderr
    ), served
