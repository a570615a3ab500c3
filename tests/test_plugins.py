"""The example package, installed beside srp4ctr: what it adds is there by its entry points
alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from preprocessing import plugins

ROOT = Path(__file__).parent.parent
PROGRAM = """
import json
from preprocessing.features import model_features
from preprocessing.plugins import packages_with_plugins
from preprocessing.spec import DatasetSpec
from pipelines.metrics import METRICS
from tests.testing_trainer import random_features, toy_fields, toy_spec
from trainer.config import TrainerConfig
from trainer.registry import create_ranker

toy_spec(features={"item": {"code": {"kind": "first_letters", "letters": 2}}})
fields = toy_fields()
ranker = create_ranker(fields, TrainerConfig(ranker={"model": "latest_mean", "latest": 2}))
scores = ranker(random_features(fields, [3, 0]))
print(json.dumps({
    "ranker": type(ranker).__name__,
    "tasks": list(scores),
    "metric": METRICS["accuracy"].title,
    "packages": packages_with_plugins(),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source")
    subprocess.run(["cp", "-r", ROOT / "examples" / "latest_mean", source], check=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--target", folder, source / "latest_mean"], check=True)
    return folder


def _run(installed: Path, code: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | path, cwd=ROOT
    )


@pytest.mark.slow
def test_its_ranker_its_kind_and_its_metric_are_there(installed: Path) -> None:
    done = _run(installed, PROGRAM)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "ranker": "LatestMean",
        "tasks": ["click", "buy"],
        "metric": "Accuracy",
        "packages": ["srp4ctr-latest-mean 0.1.0"],
    }


@pytest.mark.slow
def test_its_options_are_read_without_tensorflow_and_are_its_own(installed: Path) -> None:
    code = (
        "import sys, pydantic\n"
        "from trainer.config import TrainerConfig\n"
        "TrainerConfig(ranker={'model': 'latest_mean', 'latest': 2})\n"
        "assert 'tensorflow' not in sys.modules\n"
        "try:\n"
        "    TrainerConfig(ranker={'model': 'din', 'latest': 2})\n"
        "except pydantic.ValidationError as error:\n"
        "    print(error.errors()[0]['msg'])\n"
    )
    assert (
        _run(installed, code).stdout == "`latest` is an option of model latest_mean, not of din.\n"
    )


def test_a_name_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(*points: metadata.EntryPoint) -> None:
        monkeypatch.setattr(plugins, "_entry_points", lambda: metadata.EntryPoints(points))

    din, other = (
        metadata.EntryPoint(name, f"extra.{name}:Ranker", "srp4ctr.rankers")
        for name in ("din", "other")
    )
    entry_points(other, other)
    assert plugins.plugins("rankers", ["din"]) == {"other": "extra.other.Ranker"}
    entry_points(din)
    with pytest.raises(
        ValueError,
        match="^extra.din.Ranker, .* of srp4ctr.rankers, can't be 'din': srp4ctr has one",
    ):
        plugins.plugins("rankers", ["din"])
    entry_points(other, metadata.EntryPoint("other", "rival:Ranker", "srp4ctr.rankers"))
    with pytest.raises(
        ValueError, match="^rival.Ranker, .*: extra.other.Ranker has this name, too"
    ):
        plugins.plugins("rankers", ["din"])
