"""The search for better settings, its trainings replaced by a formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.tune import search as tuning
from pipelines.config import load_run_config
from pipelines.errors import RunError
from pipelines.experiment import run as experiment_run
from pipelines.experiment.cells import RESULT, Cell
from preprocessing.config import ConfigError
from tests.pipelines.conftest import write_run
from tests.pipelines.experiment.testing_experiment import fingerprinted
from trainer.models.srp4ctr_config import Srp4CtrConfig

SPACE = {"ranker.dropout": [0.1, 0.3, 0.5], "ranker.query_tokens": [2, 8]}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """The cells that are trained, in order."""
    cells: list[Cell] = []

    def train(experiment: Any, cell: Cell) -> None:
        cells.append(cell)
        folder = cell.folder(experiment.cells)
        folder.mkdir(parents=True)
        ranker = cell.trainer.ranker
        assert isinstance(ranker, Srp4CtrConfig)
        auc = 0.7 - abs(ranker.dropout - 0.3) / 10 + (ranker.query_tokens == 8) / 100
        (folder / RESULT).write_text(json.dumps({"validation_auc": auc, "seconds": 1.0}))

    monkeypatch.setattr(experiment_run, "_train", train)
    monkeypatch.setattr(tuning, "prepare_records", lambda *_: fingerprinted("data"))
    return cells


def test_the_best_settings_are_a_run_of_their_own(tmp_path: Path, trained: list[Cell]) -> None:
    config_path = write_run(tmp_path, tuning={"trials": 6, "space": SPACE})
    path = tuning.tune(config_path)
    best = load_run_config(path)
    before = load_run_config(config_path)
    ranker = best.trainer.ranker
    assert isinstance(ranker, Srp4CtrConfig)
    assert (ranker.dropout, ranker.query_tokens) == (0.3, 8)
    changes = {"dropout": 0.3, "query_tokens": 8}
    ranker = before.trainer.ranker.model_copy(update=changes)
    assert best.trainer == before.trainer.model_copy(update={"ranker": ranker})
    tried = json.loads((path.parent / "trials.json").read_text())
    assert tried[0]["setting"] == {} and len(tried) == 7
    assert max(trial["validation_auc"] for trial in tried) == pytest.approx(0.71)
    assert [cell.stage for cell in trained].count("pretrain") == 1, (
        "none of the settings changes pre-training"
    )


def test_a_search_that_is_run_again_trains_only_what_is_new(
    tmp_path: Path, trained: list[Cell]
) -> None:
    config_path = write_run(tmp_path, tuning={"trials": 3, "space": SPACE})
    tuning.tune(config_path)
    done = len(trained)
    tuning.tune(config_path)
    assert len(trained) == done == 1 + 1 + 3  # pre-training, the run's own settings, three others


def test_nothing_to_try_is_refused(tmp_path: Path, trained: list[Cell]) -> None:
    with pytest.raises(RunError, match="there is nothing to try. Set tuning, such as"):
        tuning.tune(write_run(tmp_path))


def test_a_setting_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dropuot"):
        load_run_config(
            write_run(tmp_path, tuning={"trials": 1, "space": {"ranker.dropuot": [0.1]}})
        )
