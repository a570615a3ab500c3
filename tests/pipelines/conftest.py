"""A small run, made once by the real command: generated log, two tasks, tiny models; it was killed
once and went on."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.app import app
from pipelines.config import RunConfig, load_run_config
from tests.testing import small_log, small_spec, write_small_dataset

SRP4CTR = Path(sys.executable).parent / "srp4ctr"


@dataclasses.dataclass(frozen=True)
class SmallRun:
    """A run's config file, its configuration, and what the command printed and complained of when
    it went on."""

    config_path: Path
    output: str
    complaints: str

    @property
    def config(self) -> RunConfig:
        return load_run_config(self.config_path)


def srp4ctr(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command in this process: one of its own takes longer to import TFX than most
    commands take to run."""
    command = ["srp4ctr", *map(str, arguments)]
    with mock.patch.object(sys, "argv", command[:1]):
        runner = CliRunner(env={"COLUMNS": "200"})
        done = runner.invoke(app, command[1:], catch_exceptions=False)
    return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)


def srp4ctr_process(
    *arguments: str | Path, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Runs the installed command as a user would."""
    command = [str(SRP4CTR), *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "200"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )


def write_run(folder: Path, **changes: object) -> Path:
    """Writes a small log and a config for it into `folder`; returns the config's path."""
    (folder / "data").mkdir(parents=True)
    write_small_dataset(folder / "data", small_log(users=200, events=4000))
    content = {
        "dataset": small_spec().model_dump(mode="json", exclude_none=True),
        "trainer": {
            "encoder": {"dim": 8, "heads": 2, "layers": 2, "feedforward": 16},
            "pretrain": {"epochs": 2},
            "ranker": {
                "embedding_dim": 4,
                "experts": 2,
                "expert_units": [8, 8],
            },
            "finetune": {"epochs": 1, "evaluations_per_epoch": 1},
            "export": {"state_dtype": "float32"},
        },
        "evaluation": {
            "min_auc": 0.0,
            "max_auc_drop": 1.0,
            "min_auc_over_rules": -1.0,
            "slices": ["context_device"],
        },
        "data_dir": str(folder / "data"),
        "runs_dir": str(folder / "runs"),
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))
    return path


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A finished run of the whole pipeline, killed during its second component and started
    again."""
    config_path = write_run(tmp_path_factory.mktemp("small_run"))
    _start_and_kill(config_path, within="StatisticsGen")
    done = srp4ctr_process("run", config_path)
    assert done.returncode == 0, done.stdout + done.stderr
    return SmallRun(config_path, done.stdout, done.stderr)


def _start_and_kill(config_path: Path, within: str) -> None:
    """Kills a run while the component `within` is at work: it has made the folder for its
    output."""
    folder = Path(load_run_config(config_path).paths.artifacts) / within
    command = [str(SRP4CTR), "run", str(config_path)]
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as run:
        while not folder.exists():
            assert run.poll() is None, f"it ended before {within}"
            time.sleep(0.01)
        run.kill()


@pytest.fixture(autouse=True)
def _no_arguments_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFX's executors read sys.argv by absl's flags, to which pytest's `-v` is a number that is
    missing."""
    monkeypatch.setattr(sys, "argv", sys.argv[:1])
