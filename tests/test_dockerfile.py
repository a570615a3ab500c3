"""The Dockerfile's install steps, run in a clean environment here: no Docker is needed, and none is
used."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STACK = "tfx116" if sys.version_info < (3, 11) else "tfx121"
IMPORTS = (
    "import pipelines.app, pipelines.pipeline, pipelines.components.evaluation, "
    "preprocessing.records, serving.server\n"
    "import trainer.finetune, trainer.pretrain, preprocessing.transform\n"
    "import tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor, "
    "google.cloud.aiplatform\n"
    "assert callable(trainer.finetune.run_fn) and callable(trainer.pretrain.run_fn)\n"
    "from pipelines.revision import code_revision\n"
    "assert code_revision() == 'of the build', code_revision()\n"
    "assert '/src' not in trainer.__file__ and 'site-packages' in trainer.__file__, "
    "trainer.__file__\n"
)


def install_steps() -> list[str]:
    """The commands of the Dockerfile that use uv, in order."""
    return [
        line
        for line in re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        if "uv " in line
    ]


def context(folder: Path) -> None:
    """What `COPY . /src` copies: what .dockerignore lets through."""
    kept = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def share_bytecode(environment: Path) -> None:
    """Links what is compiled here into an environment of the same files: to compile them takes a
    minute."""
    here, there = (
        Path(sysconfig.get_path("purelib", vars={"base": str(base)}))
        for base in (sys.prefix, environment)
    )
    for compiled in here.rglob("*.pyc"):
        place = there / compiled.relative_to(here)
        if place.parent.parent.is_dir() and not place.exists():
            place.parent.mkdir(exist_ok=True)
            place.symlink_to(compiled)


def find_uv() -> str | None:
    return shutil.which("uv") or next(
        (str(path) for path in (ROOT / ".tools" / "bin").glob("uv")), None
    )


def test_every_stack_has_what_the_dockerfile_installs() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "COPY requirements/${STACK}*.txt /tmp/requirements/" in text
    stacks = re.findall(r"STACK=(tfx\d+)", text)
    beams = re.findall(r"BEAM=apache/beam_python3\.\d+_sdk:([\d.]+)", text)
    assert sorted(stacks) == ["tfx116", "tfx121"] and len(beams) == 2
    for stack, beam in zip(sorted(stacks), sorted(beams), strict=True):
        lock = (ROOT / "requirements" / f"{stack}.txt").read_text()
        assert f"\napache-beam=={beam} " in lock, (stack, beam)
    for base in ("cpu", "gpu"):
        assert (ROOT / "requirements" / f"{STACK}-{base}.txt").is_file()


def test_the_image_has_the_library_of_openmp_that_lightgbm_loads() -> None:
    """The build's compiler brings it along, and stays there."""
    package = (ROOT / "Dockerfile").read_text().partition(" AS package\n")[2]
    assert " libgomp1 " in package.partition("\nFROM ")[0]


@pytest.mark.slow
def test_install_steps_make_an_environment_that_runs_every_component(tmp_path: Path) -> None:
    uv = find_uv()
    assert uv is not None, "uv comes with `make setup`"
    source = tmp_path / "src"
    target = tmp_path / "srp4ctr"
    source.mkdir()
    context(source)
    places = {
        "/opt/srp4ctr": str(target),
        "/tmp/requirements": str(ROOT / "requirements"),
        "${STACK}": STACK,
        "pip install --no-cache-dir uv": "true",
        "uv venv": f"uv venv --python {shlex.quote(sys.executable)}",
        # An image wants to be small; here the cache saves gigabytes of downloads.
        " --no-cache ": " ",
    }
    environment = os.environ | {
        "PATH": f"{Path(uv).parent}:{os.environ['PATH']}",
        "UV_LINK_MODE": "hardlink",
    }
    environment = {
        name: value
        for name, value in environment.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    environment |= {"DEVICE": "cpu", "REVISION": "of the build"}
    for step in install_steps():
        for there, here in places.items():
            step = step.replace(there, here)
        step = re.sub(r" /src$", f" {source}", step)
        subprocess.run(
            ["bash", "-ceu", step], check=True, cwd=tmp_path, env=environment, timeout=900
        )
        if "and-cuda" in step:  # gigabytes: that they can be had is enough
            step = step.replace("uv pip install ", "uv pip install --dry-run ")
            gpu = environment | {"DEVICE": "gpu"}
            dry = subprocess.run(
                ["bash", "-ceu", step], check=True, env=gpu, stderr=subprocess.PIPE, text=True
            ).stderr
            assert "nvidia-cudnn" in dry and " - " not in dry, dry
    environment["TF_USE_LEGACY_KERAS"] = "1"
    share_bytecode(target)
    subprocess.run(
        [target / "bin" / "python", "-c", IMPORTS],
        check=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
    )
    subprocess.run(
        [target / "bin" / "srp4ctr", "--help"],
        check=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
