"""Where a stage's backups are, by all that they depend on."""

from __future__ import annotations

import dataclasses

import pytest

from tests.testing_trainer import toy_spec
from trainer.config import TrainerConfig
from trainer.inputs import StageInputs

INPUTS = StageInputs(["a"], ["b"], ["c"], "graph", toy_spec(), TrainerConfig(), backup_dir="backup")


def test_backups_of_other_data_or_settings_are_elsewhere() -> None:
    own = INPUTS.stage_directory("finetune", "encoder")
    assert own == INPUTS.stage_directory("finetune", "encoder")
    assert own != INPUTS.stage_directory("finetune", "another")
    for change in ({"train": ["d"]}, {"config": TrainerConfig(seed=8)}):
        assert own != dataclasses.replace(INPUTS, **change).stage_directory("finetune", "encoder")
    assert dataclasses.replace(INPUTS, backup_dir=None).stage_directory("finetune") is None


def test_backups_of_other_code_are_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade between a kill and the next start would restore what happens to fit."""
    before = INPUTS.stage_directory("finetune")
    monkeypatch.setattr("trainer.inputs.code_fingerprint", lambda *packages: "upgraded")
    assert INPUTS.stage_directory("finetune") != before
