"""What BehaviorLogExampleGen asks TFX's cache about: a changed file in a folder is no cache hit.
And what it leaves beside the records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from pipelines.beam import BeamConfig, beam_args
from pipelines.components.behavior_log_example_gen import BehaviorLogExampleGen, Executor
from preprocessing.quarantine import REPORT_FILE, read_report
from tests.testing import EVENT_COLUMNS, small_log, small_spec, write_csv, write_small_dataset

pytestmark = pytest.mark.slow

LOG = small_log()


@pytest.mark.parametrize("path", ["log", "log/day=*", "l*", "**/day=1"])
def test_a_changed_file_in_a_folder_is_another_input(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "log" / "day=1"
    folder.mkdir(parents=True)
    part = write_csv(folder / "part.csv", LOG[:10], EVENT_COLUMNS)
    before = _asked(tmp_path, path)
    assert _asked(tmp_path, path) == before

    write_csv(part, LOG[:9], EVENT_COLUMNS)
    shorter = _asked(tmp_path, path)
    assert shorter != before

    size = part.stat().st_size
    part.write_bytes(b"x" * size)
    os.utime(part, (1, 1))
    assert _asked(tmp_path, path) not in (before, shorter)


@pytest.mark.parametrize("path", ["log[1].csv", "log*.csv"])
def test_a_changed_file_of_an_odd_name_is_another_input(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "da ta[1]é"
    folder.mkdir()
    log = write_csv(folder / "log[1].csv", LOG[:10], EVENT_COLUMNS)
    spec = small_spec(events={"format": "csv", "path": path}, items=None, users=None, features={})
    component = BehaviorLogExampleGen(spec.with_data_dir(str(folder)), "quarantine", "code")
    inputs = example_gen_pb2.Input()
    proto_utils.json_to_proto(component.exec_properties["input_config"], inputs)
    (split,) = inputs.splits
    assert fileio.glob(split.pattern) == [str(log)]


def test_the_data_report_stays_with_the_records(tmp_path: Path) -> None:
    write_small_dataset(tmp_path, LOG)
    spec = small_spec().with_data_dir(str(tmp_path))
    quarantine = tmp_path / "quarantine"
    component = BehaviorLogExampleGen(spec, str(quarantine), "code", span=3)
    examples = standard_artifacts.Examples()
    examples.uri = str(tmp_path / "examples")
    context = Executor.Context(beam_pipeline_args=beam_args(BeamConfig()), tmp_dir=str(tmp_path))
    Executor(context).Do({}, {"examples": [examples]}, component.exec_properties)
    report = read_report(examples.uri)
    assert report == read_report(str(quarantine)) and report["splits"]["test"]["candidates"]
    # Another run makes other records in the same folder.
    (quarantine / REPORT_FILE).write_text("{}")
    assert read_report(examples.uri) == report


def _asked(folder: Path, path: str) -> str:
    spec = small_spec(events={"format": "csv", "path": path}, items=None, users=None, features={})
    component = BehaviorLogExampleGen(spec.with_data_dir(str(folder)), "quarantine", "code")
    custom: str = component.exec_properties["custom_config"]
    return custom
