"""Which configuration a run's folder has, while a run begins and after; a run that is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines import pipeline
from pipelines.commands.run import run_pipeline
from pipelines.config import RunConfig
from pipelines.errors import RunError
from pipelines.finished import config_of
from pipelines.runners import local
from tests.pipelines.conftest import srp4ctr, write_run
from tests.testing import small_spec

pytestmark = pytest.mark.slow  # imports TFX


def test_an_earlier_runs_configuration_stays_until_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def config(seed: int) -> RunConfig:
        content = {"dataset": small_spec().model_dump(), "trainer": {"seed": seed}}
        return RunConfig.model_validate(content | {"runs_dir": str(tmp_path)})

    def run(seed: int, begins: bool) -> None:
        def run_locally(config: RunConfig, console: Console, cache: bool, create: Any) -> None:
            if not begins:
                raise OSError("no room")
            create(config, [], cache)

        monkeypatch.setattr(local, "run_locally", run_locally)
        run_pipeline._run(config(seed), Console(), enable_cache=True)

    monkeypatch.setattr(pipeline, "create_pipeline", lambda *_: None)
    run(seed=1, begins=True)
    with pytest.raises(RunError, match="no room"):
        run(seed=2, begins=False)
    assert config_of(config(1).paths.root).trainer.seed == 1
    run(seed=3, begins=True)
    assert config_of(config(1).paths.root).trainer.seed == 3


@pytest.mark.parametrize(
    ("options", "goes_on"),
    [((), "the same command goes on"), (("--no-cache",), "without --no-cache goes on")],
)
def test_a_run_that_is_stopped_says_what_is_kept_and_how_to_go_on(
    options: tuple[str, ...], goes_on: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_locally(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "run_locally", run_locally)
    done = srp4ctr("run", write_run(tmp_path), *options)
    assert done.returncode == 130
    said = done.stdout.splitlines()[-1]
    assert said.startswith("Stopped. Finished components are kept in ") and goes_on in said
    assert "from its last backup (every 1,000 steps, trainer.backup_steps)" in said
