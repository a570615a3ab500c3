"""A rolling window, two days in a row: the artifacts' spans, what is taken from the cache, and the whole command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipelines.config import RunConfig, load_run_config
from preprocessing.rolling import date_of
from tests.pipelines.conftest import srp4ctr, write_run
from tests.preprocessing.test_rolling import DAY, DAYS, LOG, SPLIT, write_days
from tests.testing import EVENT_COLUMNS, read_written, write_csv

pytestmark = pytest.mark.slow


def test_each_day_is_an_artifact_with_its_span(tmp_path: Path) -> None:
    from tfx import v1 as tfx
    from tfx.orchestration import metadata

    from pipelines.components.behavior_log_example_gen import BehaviorLogExampleGen

    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    spec = write_days(tmp_path, "log/{YYYY}-{MM}-{DD}.csv")
    config = RunConfig(dataset=spec, runs_dir=str(tmp_path / "runs"))
    for span in (DAYS[-2], None, DAYS[-1]):  # None: the newest there is, so that the last run finds its records
        at = config.at_span(span)
        component = BehaviorLogExampleGen(at.spec, str(tmp_path / "quarantine"), "code", at.span)
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="spans",
                pipeline_root=str(tmp_path / "artifacts"),
                components=[component],
                enable_cache=True,
                metadata_connection_config=connection,
                beam_pipeline_args=["--direct_num_workers=1"],
            )
        )
    with metadata.Metadata(connection) as handle:
        artifacts = sorted(handle.store.get_artifacts_by_type("Examples"), key=lambda artifact: artifact.id)
    assert [artifact.custom_properties["span"].int_value for artifact in artifacts] == DAYS[-2:]
    for artifact, day in zip(artifacts, DAYS[-2:], strict=True):
        tested = read_written(Path(artifact.uri) / "Split-test")
        assert tested and {record["timestamp"][0] // DAY for record in tested} == {day}


def test_days_by_the_command_and_one_that_is_refused(tmp_path: Path) -> None:
    """Two runs of `srp4ctr run --span`: the first is pushed; the second's training days have changed too much."""
    config_path = write_run(tmp_path, checks={"drift_policy": "fail"})
    log = [row | {"device": "toaster"} if row["timestamp"] // DAY == DAYS[-3] else row for row in LOG]
    for day in DAYS:
        write_csv(
            tmp_path / "data" / f"{date_of(day)}.csv", [r for r in log if r["timestamp"] // DAY == day], EVENT_COLUMNS
        )
    content = yaml.safe_load(config_path.read_text())
    content["dataset"] |= {"events": {"format": "csv", "path": "{YYYY}-{MM}-{DD}.csv"}, "split": SPLIT}
    config_path.write_text(yaml.safe_dump(content))

    first = srp4ctr("run", config_path, "--span", str(date_of(DAYS[-2])))
    assert first.returncode == 0, first.stdout + first.stderr
    paths = load_run_config(config_path).paths
    pushed = list(paths.serving_model.iterdir())
    assert len(pushed) == 1
    metrics = json.loads((paths.report / "metrics.json").read_text())
    assert metrics["checks"] == {"compared": {"drift": False, "skew": False}, "findings": []}
    (tested,) = Path(f"{paths.artifacts}/BehaviorLogExampleGen/examples").glob("*/Split-test")
    assert {record["timestamp"][0] // DAY for record in read_written(tested)} == {DAYS[-2]}

    second = srp4ctr("run", config_path, "--span", str(DAYS[-1]))
    assert second.returncode == 1
    assert "Since the previous run, context_device changed: " in second.stdout + second.stderr
    assert "“toaster”" in second.stdout + second.stderr
    assert list(paths.serving_model.iterdir()) == pushed
