"""Overrides, tuning settings, and the cells they make."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from pipelines.experiment.cells import Cell, pretrain_cell
from pipelines.experiment.config import ExperimentConfig, TuningConfig, override
from preprocessing.config import load_yaml
from trainer.config import TrainerConfig

ROOT = Path(__file__).parent.parent.parent.parent
SPACE = {"ranker.dropout": (0.1, 0.2, 0.3), "finetune.optimizer.learning_rate": (0.01, 0.1)}


def test_overrides_keep_what_they_do_not_name() -> None:
    base = TrainerConfig.model_validate({"encoder": {"layers": 3}, "finetune": {"epochs": 9}})
    changed = override(base, {"ranker": {"model": "din"}, "encoder": {"dim": 8}}, {"finetune.patience": 5}, seed=4)
    assert (changed.ranker.model, changed.encoder.dim, changed.encoder.layers) == ("din", 8, 3)
    assert (changed.finetune.patience, changed.finetune.epochs, changed.seed) == (5, 9, 4)


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="ranker.modle"):
        override(TrainerConfig(), {"ranker": {"modle": "din"}}, {}, 1)


def test_settings_are_distinct_reproducible_and_of_the_space() -> None:
    tuning = TuningConfig(trials=4, space=SPACE)
    settings = tuning.settings()
    assert settings == tuning.settings() and len({tuple(setting.items()) for setting in settings}) == 4
    assert all(setting[key] in SPACE[key] for setting in settings for key in SPACE)
    assert TuningConfig(trials=4, space=SPACE, seed=1).settings() != settings
    assert TuningConfig().settings() == [{}]


def test_more_trials_than_settings_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="the 6 settings of the space. Received: 7"):
        TuningConfig(trials=7, space=SPACE)


def test_a_cell_changes_with_what_its_result_depends_on() -> None:
    base = TrainerConfig(seed=1)
    other = override(base, {"ranker": {"dropout": 0.1}}, {}, 1)
    plain = Cell("test", "m", base, None, "data")
    pretrained = Cell("test", "m", base, pretrain_cell(base, "data"), "data")
    keys = [plain, pretrained, Cell("test", "m", other, None, "data"), Cell("test", "m", base, None, "other data")]
    assert len({cell.key for cell in keys}) == 4
    assert Cell("test", "m", base, None, "data").key == plain.key


def test_models_with_one_encoder_share_its_pretraining() -> None:
    base = TrainerConfig(seed=1)
    same = override(base, {"ranker": {"dropout": 0.1}}, {}, 1)
    longer = override(base, {"encoder": {"layers": 3}}, {}, 1)
    keys = [pretrain_cell(config, "data").key for config in (base, same, longer)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("path", sorted((ROOT / "configs/experiments").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_experiments_in_the_repository_are_valid(path: Path) -> None:
    from pipelines.config import load_run_config

    config = load_yaml(path, ExperimentConfig)
    run = load_run_config(ROOT / config.run)
    for model in config.models.values():
        for setting in config.tuning.settings():
            override(run.trainer, model.trainer, setting, 1)
