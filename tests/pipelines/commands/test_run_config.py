"""Which configuration a run's folder has, while a run begins and after."""

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
