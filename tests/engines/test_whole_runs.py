"""Whole runs, from a log to a pushed model: on an engine, and with all that lies in a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import load_run_config
from pipelines.report.write import METRICS
from serving.rollout import rollout
from tests.engines.jobs import upload
from tests.pipelines.conftest import srp4ctr_process, write_run

pytestmark = pytest.mark.slow


def whole_run(config: Path) -> dict[str, Any]:
    """Runs a configuration; what its report says."""
    done = srp4ctr_process("run", config, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    root = load_run_config(config).paths.root
    metrics: dict[str, Any] = json.loads((root / "report" / METRICS).read_text(encoding="utf-8"))
    return metrics


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run in one process says, with all its files on this machine."""
    return whole_run(write_run(tmp_path_factory.mktemp("here")))


def check_alike(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Both have the same records, and all their models were trained, judged and pushed."""
    assert found["records"] == expected["records"]
    assert set(found["seconds"]) == set(expected["seconds"])  # the components
    assert found["verdict"] == expected["verdict"]
    for task, figures in expected["tasks"].items():
        assert found["tasks"][task]["auc"] == pytest.approx(figures["auc"], abs=0.1)
    assert found["pushed_version"]


@pytest.mark.parametrize("engine", ["multiprocess", "prism"])
def test_a_whole_run_on_an_engine(
    engine: str, expected: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    options = ["--direct_num_workers=2"]
    if engine == "prism":
        options = [f"--job_endpoint={request.getfixturevalue('prism')}"]
    config = write_run(tmp_path, beam={"runner": engine, "options": options})
    found = whole_run(config)
    check_alike(found, expected)
    assert (Path(found["serving_model"]) / "saved_model.pb").is_file()


def test_a_whole_run_whose_log_and_artifacts_are_in_a_store(
    tensorflow_gs_bucket: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    artifacts = f"{tensorflow_gs_bucket}/artifacts"
    logs = f"{tensorflow_gs_bucket}/logs"
    config = write_run(tmp_path, artifacts_dir=artifacts, data_dir=logs)
    for path in (tmp_path / "data").iterdir():
        upload(str(path), f"{logs}/{path.name}")
        path.unlink()
    found = whole_run(config)
    check_alike(found, expected)
    assert found["serving_model"].startswith(f"{artifacts}/small/serving_model/")
    back = Path(rollout(found["serving_model"], tmp_path / "models" / "small"))
    assert (back / "saved_model.pb").is_file()
    assert not (tmp_path / "runs" / "small" / "artifacts").exists()
