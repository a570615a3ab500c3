"""What is watched while a pipeline runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tfx.dsl.components.common import resolver
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel, standard_artifacts

from pipelines.checks.config import ChecksConfig
from pipelines.config import EvaluationConfig, RunConfig
from pipelines.errors import RunError
from pipelines.node_ids import EARLIER_MODEL, EXAMPLE_GEN, PUSHER, STATISTICS
from pipelines.pipeline import create_pipeline
from pipelines.runners.progress import COMPONENTS, ComponentProgress
from tests.testing import small_spec, write_small_dataset

pytestmark = pytest.mark.slow


class NothingFound(resolver.ResolverStrategy):
    """Finds nothing, which is no failure."""

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        return input_dict


class KeyForgotten(resolver.ResolverStrategy):
    """Leaves a key out."""

    def resolve_artifacts(
        self, store: Any, input_dict: dict[str, list[Any]]
    ) -> dict[str, list[Any]] | None:
        return {}


def _run(strategy: type[resolver.ResolverStrategy], folder: Path) -> None:
    model = Channel(type=standard_artifacts.Model)
    node = resolver.Resolver(strategy_class=strategy, model=model).with_id(EARLIER_MODEL)
    connection = sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))
    pipeline = Pipeline(
        pipeline_name="resolving",
        pipeline_root=str(folder),
        components=[node],
        metadata_connection_config=connection,
    )
    with ComponentProgress(Console(quiet=True), [EARLIER_MODEL]).watching():
        LocalDagRunner().run(pipeline)


def test_all_components_that_a_run_can_have_are_known(tmp_path: Path) -> None:
    write_small_dataset(tmp_path)
    config = RunConfig(
        dataset=small_spec(),
        data_dir=str(tmp_path),
        checks=ChecksConfig(serving_log=str(tmp_path / "log")),
        span=3,
        warm_start=True,
    )
    cheaper = EvaluationConfig(push="cheaper")  # not with a warm start
    other = config.model_copy(update={"warm_start": False, "evaluation": cheaper})
    known = set()
    for one in (config, other):
        known |= {component.id for component in create_pipeline(one, []).components}
    assert known == set(COMPONENTS)


def test_a_resolver_that_finds_nothing_lets_the_run_go_on(tmp_path: Path) -> None:
    _run(NothingFound, tmp_path)


def test_a_resolver_that_failed_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"{EARLIER_MODEL} failed"):
        _run(KeyForgotten, tmp_path)


def test_time_left_is_said_once_a_component_has_run_and_includes_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    components = {
        EXAMPLE_GEN: ("reading", 10),
        STATISTICS: ("counting", 20),
        PUSHER: ("pushing", 0),
    }
    monkeypatch.setattr("pipelines.runners.progress.COMPONENTS", components)
    monkeypatch.setattr("pipelines.runners.progress._REPORT_SECONDS", 5)
    progress = ComponentProgress(Console(soft_wrap=True), list(components))
    for component in components:
        progress.started(component)
        if component == STATISTICS:
            progress.ran()
            now += 40  # twice as long as was thought
        progress.ended(component, has_output=True)
    announced = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert announced == [
        f"[1/3] {EXAMPLE_GEN}: reading",  # taken from the cache, which says nothing of speed
        f"[2/3] {STATISTICS}: counting",
        f"[3/3] {PUSHER}: pushing (about 10 s left)",
    ]
