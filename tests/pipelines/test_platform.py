"""What differs between places where a pipeline runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import RunConfig
from pipelines.pipeline import create_data_pipeline
from pipelines.platform import KubeflowPlatform, LocalPlatform, Machine
from tests.testing import small_spec

pytestmark = pytest.mark.slow

KUBEFLOW = KubeflowPlatform(Machine("", "", 0, ""))
OVER_64_MIB = 2**26 + 1


def _config(folder: Path, size: int, **changes: Any) -> RunConfig:
    """A run on a log of that size, nothing of which is ever read."""
    (folder / "events.csv").touch()
    os.truncate(folder / "events.csv", size)
    settings = {"dataset": small_spec().model_dump(), "data_dir": str(folder)}
    return RunConfig.model_validate(settings | changes)


@pytest.mark.parametrize(
    ("size", "runner", "apart"),
    [
        (2**26, "direct", False),
        (OVER_64_MIB, "direct", True),
        (OVER_64_MIB, "multiprocess", True),
        (OVER_64_MIB, "flink", False),
    ],
)
def test_splits_are_analyzed_apart_where_they_would_fill_the_memory(
    tmp_path: Path, size: int, runner: str, apart: bool
) -> None:
    config = _config(tmp_path, size, beam={"runner": runner})
    assert LocalPlatform().analyzes_apart(config) == apart
    # From elsewhere, nobody can tell how large the log is.
    assert KUBEFLOW.analyzes_apart(config) == (runner != "flink")


def test_a_compressed_log_is_larger_than_its_file(tmp_path: Path) -> None:
    events = {"format": "csv", "path": "events.csv.gz"}
    config = RunConfig(dataset=small_spec(events=events), data_dir=str(tmp_path))
    assert not LocalPlatform().analyzes_apart(config)  # nor is it there
    (tmp_path / "events.csv.gz").touch()
    os.truncate(tmp_path / "events.csv.gz", 2**24)
    assert LocalPlatform().analyzes_apart(config)


@pytest.mark.parametrize("size", [0, OVER_64_MIB])
def test_transform_is_told(tmp_path: Path, size: int) -> None:
    config = _config(tmp_path, size)
    components = {one.id: one for one in create_data_pipeline(config, []).components}
    # An analysis in parts can be cached, so there is an output for that.
    assert ("updated_analyzer_cache" in components["Transform"].outputs) == (size > 0)
