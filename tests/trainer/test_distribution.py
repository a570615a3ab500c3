"""Real processes: one device, two devices, two workers and a parameter server train alike; a killed
run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.conftest import ROOT
from tests.testing_trainer import (
    Raw,
    catalog_record,
    eagerly,
    raw_records,
    toy_spec,
    transform_raws,
)
from trainer import finetune, pretrain, task

SPLITS = {"pretrain": 32, "pretrain_validation": 16, "train": 32, "validation": 24, "catalog": 0}
OPTIMIZER = {"learning_rate": 0.01}
TRAINER: dict[str, Any] = {
    "encoder": {"dim": 8, "heads": 2, "layers": 1, "feedforward": 16, "dropout": 0.0},
    "pretrain": {"epochs": 2, "batch_size": 8, "optimizer": OPTIMIZER},
    "ranker": {
        "embedding_dim": 4,
        "interest": "din",
        "attention_units": [8, 4],
        "experts": 2,
        "expert_units": [8, 4],
        "tower_units": 4,
        "query_tokens": 2,
        "dropout": 0.0,
    },
    "finetune": {
        "epochs": 2,
        "batch_size": 16,
        "evaluations_per_epoch": 2,
        "patience": 9,
        "optimizer": OPTIMIZER,
    },
    "backup_steps": 2,
}
ITEMS = 60
SECONDS = 600
# Several minutes of many processes: `make test-cluster` runs them.
of_a_cluster = pytest.mark.skipif(
    "TEST_CLUSTER" not in os.environ, reason="only by make test-cluster"
)


class Run:
    """A folder with a configuration and what both stages make of it."""

    def __init__(self, data: Path, folder: Path, **trainer: Any) -> None:
        self.data = data
        self.folder = folder
        folder.mkdir()
        content = {"dataset": _spec().model_dump(mode="json"), "trainer": TRAINER | trainer}
        (folder / "run.yaml").write_text(yaml.safe_dump(content))

    def arguments(self, stage: str) -> list[str]:
        places = ["--examples", self.data / "examples", "--transform", self.data / "graph"]
        places += ["--model-dir", self.folder / stage, "--backup-dir", self.folder / "backup"]
        if stage == "finetune":
            places += ["--encoder", self.folder / "pretrain"]
        return [str(argument) for argument in (stage, self.folder / "run.yaml", *places)]

    def start(
        self, environment: Mapping[str, str], stages: Sequence[str] = ("pretrain", "finetune")
    ) -> subprocess.Popen[Any]:
        command = [
            sys.executable,
            "-m",
            "tests.trainer.training_process",
            json.dumps([*map(self.arguments, stages)]),
        ]
        log = (self.folder / f"{environment.get('NAME', 'log')}.txt").open("a")
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=log, stderr=log
        )

    def curves(self, stage: str) -> dict[str, list[float]]:
        name = {"pretrain": pretrain.RESULTS, "finetune": finetune.RESULTS}[stage]
        return json.loads((self.folder / stage / name).read_text())["curves"]

    def weights(self, stage: str) -> dict[str, np.ndarray]:
        reader = tf.train.load_checkpoint(str(self.folder / stage / "variables" / "variables"))
        names = [name for name in reader.get_variable_to_shape_map() if "OBJECT" not in name]
        return {name: reader.get_tensor(name) for name in names}

    def log(self) -> str:
        return "\n".join(path.read_text() for path in self.folder.glob("*.txt"))


def _spec() -> Any:
    features = {
        "item": {"brand": {"kind": "categorical"}},
        "behavior": {"action": {"kind": "categorical"}},
    }
    return toy_spec(features=features, tasks={"click": {"column": "clicked", "equals": 1}})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Transformed records, laid out as TFX's Transform lays them out."""
    folder = tmp_path_factory.mktemp("data")
    spec = _spec()
    raw: dict[str, list[Raw]] = {}
    for seed, (split, count) in enumerate(SPLITS.items()):
        raw[split] = raw_records(spec, count, seed, ITEMS)
    raw["catalog"] = [catalog_record(spec, items=ITEMS)]
    transform_raws(spec, raw, folder)
    for split in SPLITS:
        (folder / "examples" / f"Split-{split}").mkdir(parents=True)
        for path in folder.glob(f"{split}-*.gz"):
            path.rename(folder / "examples" / f"Split-{split}" / path.name)
    return folder


@pytest.fixture(scope="module")
def one_device(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(data, tmp_path_factory.mktemp("one") / "run")
    with eagerly():
        task.run(run.arguments("pretrain"))
    task.run(run.arguments("finetune"))
    return run


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[Any]]]:
    """Processes that are stopped at the end of the test, whatever comes of it."""
    started: list[subprocess.Popen[Any]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def _cluster(**counts: int) -> list[dict[str, str]]:
    """The environment of each process of a cluster on this machine."""
    hosts: dict[str, list[str]] = {job: [] for job in counts}
    # All are open at once, so that each has a port of its own.
    with contextlib.ExitStack() as sockets:
        for job, count in counts.items():
            for _ in range(count):
                bound = sockets.enter_context(socket.create_server(("localhost", 0)))
                hosts[job].append(f"localhost:{bound.getsockname()[1]}")
    environments = []
    for job, count in counts.items():
        for i in range(count):
            tf_config = {"cluster": hosts, "task": {"type": job, "index": i}}
            environments.append({"TF_CONFIG": json.dumps(tf_config), "NAME": f"{job}-{i}"})
    return environments


def _assert_same_curves(run: Run, reference: Run, interrupted: int | None = None) -> None:
    """Equal curves; of an interrupted epoch, training values are only those of its rest."""
    for stage in ("pretrain", "finetune"):
        curves = run.curves(stage)
        expected = reference.curves(stage)
        assert curves.keys() == expected.keys()
        for name, values in expected.items():
            compared = list(range(len(values)))
            if not name.startswith("val_") and interrupted in compared:
                compared.remove(interrupted)
            # Scores of this little data lie close together, and an AUC jumps as one changes its
            # bin.
            tolerance = 5e-3 if "auc" in name else 1e-5
            np.testing.assert_allclose(
                np.array(curves[name])[compared],
                np.array(values)[compared],
                rtol=tolerance,
                atol=tolerance,
            )


@pytest.mark.slow
def test_two_devices_learn_what_one_does(
    data: Path, one_device: Run, tmp_path: Path, processes: list[subprocess.Popen[Any]]
) -> None:
    run = Run(data, tmp_path / "run", distribution={"devices": ["CPU:0", "CPU:1"]})
    processes.append(run.start({"DEVICES": "2"}))
    assert processes[0].wait(SECONDS) == 0, run.log()
    _assert_same_curves(run, one_device)


@of_a_cluster
@pytest.mark.slow
def test_two_workers_learn_what_one_device_does_though_one_is_killed(
    data: Path, one_device: Run, tmp_path: Path, processes: list[subprocess.Popen[Any]]
) -> None:
    run = Run(data, tmp_path / "run")
    first, second = _cluster(worker=2)
    processes += [run.start(first), run.start({**second, "KILL_AT_STEP": "7"})]
    assert processes[1].wait(SECONDS) == -signal.SIGKILL, run.log()
    processes.append(run.start(second))
    assert processes[0].wait(SECONDS) == 0, run.log()
    assert processes[2].wait(SECONDS) == 0, run.log()
    assert "starting over (1 of 5)" in run.log()
    _assert_same_curves(run, one_device, interrupted=1)


@of_a_cluster
@pytest.mark.slow
def test_parameter_server_learns_as_well(
    data: Path, one_device: Run, tmp_path: Path, processes: list[subprocess.Popen[Any]]
) -> None:
    run = Run(data, tmp_path / "run", distribution={"min_shard_bytes": 1000})
    processes += [run.start(environment) for environment in _cluster(chief=1, worker=2, ps=2)]
    for process in processes:  # the chief comes first; the others wait for what it writes
        assert process.wait(SECONDS) == 0, run.log()
    for stage in ("pretrain", "finetune"):
        last, expected = (one.curves(stage)["val_loss"][-1] for one in (run, one_device))
        assert last == pytest.approx(expected, rel=0.1), stage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "step"), [("pretrain", 5), pytest.param("finetune", 9, marks=of_a_cluster)]
)
def test_killed_run_ends_at_the_weights_of_an_unbroken_one(
    data: Path,
    one_device: Run,
    tmp_path: Path,
    processes: list[subprocess.Popen[Any]],
    stage: str,
    step: int,
) -> None:
    dropout = {
        "encoder": TRAINER["encoder"] | {"dropout": 0.2},
        "ranker": TRAINER["ranker"] | {"dropout": 0.2},
    }
    unbroken, run = (Run(data, tmp_path / name, **dropout) for name in ("unbroken", "killed"))
    for one in (unbroken, run):
        (one.folder / "pretrain").symlink_to(
            one_device.folder / "pretrain"
        ) if stage == "finetune" else None
    processes.append(run.start({"KILL_AT_STEP": str(step)}, (stage,)))
    task.run(unbroken.arguments(stage))
    assert processes[0].wait(SECONDS) == -signal.SIGKILL, run.log()
    assert not (run.folder / stage / "saved_model.pb").exists() and any(
        (run.folder / "backup").iterdir()
    )
    task.run(run.arguments(stage))
    weights = run.weights(stage)
    expected = unbroken.weights(stage)
    assert weights.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(weights[name], value, err_msg=name)
    assert not any((run.folder / "backup").iterdir())
