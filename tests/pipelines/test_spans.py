"""BehaviorLogExampleGen over a rolling window: two days, the artifacts' spans, and what is taken from the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.config import RunConfig
from tests.preprocessing.test_rolling import DAY, DAYS, write_days
from tests.testing import read_written

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
