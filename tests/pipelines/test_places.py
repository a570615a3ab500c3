"""Where a run's results can't be is refused before its first component."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config import RunConfig
from pipelines.places import check_places
from preprocessing.config import ConfigError, validated
from preprocessing.paths import path_problem
from tests.pipelines.conftest import srp4ctr, write_run
from tests.testing import small_spec


def config(**places: str) -> RunConfig:
    return RunConfig.model_validate({"dataset": small_spec().model_dump()} | places)


def test_places_that_can_be(tmp_path: Path) -> None:
    check_places(config(runs_dir=str(tmp_path)))
    check_places(config(runs_dir=str(tmp_path), artifacts_dir="ram://bucket/runs"))


@pytest.mark.parametrize(
    ("places", "says"),
    [
        ({"runs_dir": "gs://b/runs"}, r"by artifacts_dir\. Received: gs://b/runs"),
        (
            {"artifacts_dir": "s3://b/runs"},
            r"knows no s3://\. .*srp4ctr rollout.* Received: s3://b/runs",
        ),
    ],
)
def test_places_that_can_not_be(places: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_places(config(**places))


def test_a_working_directory_that_is_a_pattern_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "br[1]"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=r"br\[1\]/runs/.*is a pattern to TFX.* runs_dir"):
        check_places(config(runs_dir="runs"))
    check_places(config(runs_dir=str(tmp_path)))
    check_places(config(runs_dir="runs", artifacts_dir=str(tmp_path)))


@pytest.mark.parametrize("key", ["data_dir", "runs_dir", "artifacts_dir"])
@pytest.mark.parametrize("path", ["s3:/b/runs", "s3://", "S3://b/runs", ""])
def test_what_is_neither_a_path_nor_a_url_is_refused_by_its_key(key: str, path: str) -> None:
    content = {"dataset": small_spec().model_dump(), key: path}
    with pytest.raises(ConfigError, match=f"^run.yaml: {key}: {path_problem(path)}.$"):
        validated(content, RunConfig, "run.yaml")
    assert getattr(validated(content, RunConfig, "config.json", saved=True), key) == path


@pytest.mark.parametrize("path", ["gs:/b/log.csv", ["log.csv", "gs:/b/log.csv"]])
@pytest.mark.parametrize("table", ["events", "items"])
def test_so_are_paths_of_tables(table: str, path: str | list[str]) -> None:
    content = {"dataset": small_spec().model_dump(), "checks": {"serving_log": "gs:/b/log.csv"}}
    content["dataset"][table]["path"] = path
    problem = path_problem("gs:/b/log.csv")
    with pytest.raises(
        ConfigError, match=f"^run.yaml: dataset.{table}.path: {problem}.\n"
    ) as error:
        validated(content, RunConfig, "run.yaml")
    assert f"run.yaml: checks.serving_log: {problem}." in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "tune"])
def test_commands_refuse_them_and_leave_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    space = {"finetune.optimizer.learning_rate": [0.001, 0.002]}
    tuning = {"trials": 1, "space": space}
    done = srp4ctr(command, write_run(tmp_path / "run", runs_dir="s3://b/runs", tuning=tuning))
    assert (done.returncode, "Received: s3://b/runs" in done.stderr) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
