"""Logs, tables, artifacts, rejected rows and report on a file system that isn't local, as on gs://
or s3://."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import RunOptions

from pipelines.beam import BeamConfig, beam_args
from pipelines.components.behavior_log_example_gen import BehaviorLogExampleGen
from pipelines.config import RunConfig
from pipelines.metadata import RunMetadata
from pipelines.pipeline import create_pipeline
from preprocessing.errors import DataError
from preprocessing.quarantine import REJECTED_FILE, read_report
from preprocessing.rolling import at_span, newest_span
from preprocessing.shard_count import shard_count
from preprocessing.sources.check import check_sources
from preprocessing.sources.files import match_files
from preprocessing.spec import DatasetSpec
from preprocessing.validation import validate
from tests.ram_file_system import RamFileSystem
from tests.testing import (
    EVENT_COLUMNS,
    parse_records,
    small_log,
    small_spec,
    write_csv,
    write_small_dataset,
)

pytestmark = pytest.mark.slow

LOG = small_log()
EVENTS = {"format": "csv", "path": "logs/day-*/part.csv"}


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    return f"{RamFileSystem.scheme()}://{tmp_path.name}"


@pytest.fixture
def spec(tmp_path: Path, bucket: str) -> DatasetSpec:
    """The small data set, its log in two folders, in the bucket."""
    write_small_dataset(tmp_path, LOG)
    for day, rows in enumerate((LOG[:700], LOG[700:])):
        write_csv(tmp_path / "part.csv", rows, EVENT_COLUMNS)
        _upload(tmp_path / "part.csv", f"{bucket}/data/logs/day-{day}/part.csv")
    for name in ("items.csv", "users.csv"):
        _upload(tmp_path / name, f"{bucket}/data/{name}")
    return small_spec(events=EVENTS).with_data_dir(f"{bucket}/data")


def test_globs_and_checks(spec: DatasetSpec, bucket: str) -> None:
    assert spec.events.path == f"{bucket}/data/logs/day-*/part.csv"
    days = [f"{bucket}/data/logs/day-{day}/part.csv" for day in (0, 1)]
    assert match_files(spec.events.paths, "events.path") == days
    check_sources(spec)
    found = validate(spec)
    assert found.problems == []
    assert found.tables[0].rows == len(LOG)
    assert shard_count(spec) == 16
    with pytest.raises(DataError, match=f"{bucket}/data/logs/nothing.csv: no such file"):
        check_sources(
            small_spec(events=EVENTS | {"path": "logs/nothing.csv"}).with_data_dir(f"{bucket}/data")
        )


def test_spans(spec: DatasetSpec, bucket: str) -> None:
    events = EVENTS | {"path": "logs/day-{SPAN}/part.csv"}
    rolling = small_spec(
        events=events, split={"train": 1, "validation": 1, "test": 1, "history": 5}
    )
    rolling = rolling.with_data_dir(f"{bucket}/data")
    assert newest_span(rolling.events.paths[0]) == 1
    for day in (2, 3):
        _upload(f"{bucket}/data/logs/day-1/part.csv", f"{bucket}/data/logs/day-{day}/part.csv")
    paths = at_span(rolling, newest_span(rolling.events.paths[0])).events.paths
    assert paths == tuple(f"{bucket}/data/logs/day-{day}/part.csv" for day in range(4))


def test_records_rejected_rows_and_report_of_a_run_are_in_the_bucket(
    spec: DatasetSpec, bucket: str, tmp_path: Path
) -> None:
    with tf.io.gfile.GFile(f"{bucket}/data/logs/day-1/part.csv", "a") as log:
        log.write("u1,,5,buy,2,tv\n")
    settings: dict[str, Any] = {
        "data_dir": f"{bucket}/data",
        "runs_dir": str(tmp_path),
        "artifacts_dir": f"{bucket}/runs",
    }
    config = RunConfig.model_validate(
        {"dataset": small_spec(events=EVENTS).model_dump()} | settings
    )
    pipeline = create_pipeline(config, beam_args(BeamConfig()))
    LocalDagRunner().run(
        pipeline, run_options=RunOptions(to_nodes=[BehaviorLogExampleGen.__name__])
    )

    name = config.dataset.name
    assert config.paths.quarantine == f"{bucket}/runs/{name}/quarantine"
    assert read_report(config.paths.quarantine)["rows"]["events"]["rejected"] == {"missing_item": 1}
    with tf.io.gfile.GFile(f"{config.paths.quarantine}/{REJECTED_FILE}") as file:
        assert json.loads(file.read())["file"] == f"{bucket}/data/logs/day-1/part.csv"
    examples = RunMetadata(config.paths.metadata, name).output(
        BehaviorLogExampleGen.__name__, "examples"
    )
    assert examples.startswith(f"{bucket}/runs/{name}/artifacts/BehaviorLogExampleGen/examples/")
    files = tf.io.gfile.glob(f"{examples}/Split-test/*.gz")
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    assert parse_records(records.as_numpy_iterator())
    assert not list(Path().glob("ram:*"))


def _upload(path: Path | str, url: str) -> None:
    tf.io.gfile.makedirs(url.rpartition("/")[0])
    tf.io.gfile.copy(str(path), url, overwrite=True)
