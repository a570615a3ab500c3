"""The set-up script's choices, the lock files, and what importing a package alone brings in."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def _choose_stack(glibc: str, override: str = "") -> "subprocess.CompletedProcess[str]":
    script = f"source scripts/setup.sh; glibc_version() {{ echo {glibc}; }}; SRP4CTR_STACK={override} choose_stack"
    return subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("glibc", "override", "stack"),
    [
        ("2.36", "", "py310"),
        ("2.39", "", "py311"),
        ("2.41", "", "py311"),
        ("2.100", "", "py311"),
        ("2.41", "py310", "py310"),
        ("2.41", "py311", "py311"),
    ],
)
def test_stack_follows_glibc_unless_overridden(glibc: str, override: str, stack: str) -> None:
    assert _choose_stack(glibc, override).stdout.strip() == stack


@pytest.mark.parametrize(
    ("glibc", "override", "message"),
    [
        ("2.36", "py311", "SRP4CTR_STACK=py311 needs glibc 2.39 or later. Received: glibc 2.36"),
        ("2.36", "py39", "SRP4CTR_STACK must be py310 or py311. Received: py39"),
        ("", "", "this system has no glibc"),
    ],
)
def test_impossible_stack_is_refused(glibc: str, override: str, message: str) -> None:
    chosen = _choose_stack(glibc, override)
    assert chosen.returncode == 1 and chosen.stdout == ""
    assert message in chosen.stderr


@pytest.mark.parametrize("stack", ["py310", "py311"])
def test_lock_file_pins_and_hashes_every_requirement(stack: str) -> None:
    lock = (ROOT / f"requirements/{stack}.txt").read_text(encoding="utf-8")
    blocks = {
        block.split("==")[0].split("[")[0].lower(): block
        for block in lock.replace("\n    ", " ").splitlines()
        if "==" in block
    }
    assert _direct_requirements() <= blocks.keys()
    assert all("--hash=sha256:" in block for block in blocks.values())
    assert "index-url" not in lock and "://" not in lock
    for line in (ROOT / f"requirements/{stack}.in").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, version = line.rstrip(".*").split("==")
            assert blocks[name].startswith((f"{name}=={version} ", f"{name}=={version}."))


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("preprocessing", {"tfx", "tensorflow", "apache_beam"}),
        ("trainer", {"tfx", "apache_beam"}),
        ("serving.client", {"tfx", "apache_beam"}),
    ],
)
def test_package_imports_alone(module: str, forbidden: set[str]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert forbidden.isdisjoint(run.stdout.split())


def _direct_requirements() -> set[str]:
    """The names of what the distribution and its extras require."""
    return {Requirement(line).name.lower() for line in metadata.requires("srp4ctr") or ()}
