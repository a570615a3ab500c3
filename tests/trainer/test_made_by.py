"""Whether an export that is there already is what would be made now."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from preprocessing.config import ConfigError
from tests.testing_trainer import toy_spec
from trainer.config import TrainerConfig
from trainer.inputs import StageInputs
from trainer.made_by import check_made_by, write_made_by

INPUTS = StageInputs(["a"], ["b"], ["c"], "graph", toy_spec(), TrainerConfig())


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "assets.extra").mkdir()
    write_made_by(INPUTS, "encoder", str(tmp_path))
    return tmp_path


def test_the_same_again_is_what_is_there(made: Path, tmp_path: Path) -> None:
    check_made_by(INPUTS, "encoder", str(made))
    check_made_by(INPUTS, "encoder", str(tmp_path / "nothing yet"))


def test_what_differs_is_named(made: Path) -> None:
    another = TrainerConfig.model_validate({"seed": 8, "encoder": {"dim": 64}})
    inputs = dataclasses.replace(INPUTS, config=another, train=["d"])
    named = "trainer.seed, trainer.encoder.dim, train_data, start"
    with pytest.raises(ConfigError, match=f"a model already, .* with another {named}[.] Give"):
        check_made_by(inputs, "another", str(made))


def test_an_option_that_was_not_yet_there_is_no_difference(made: Path) -> None:
    path = made / "assets.extra" / "made_by.json"
    content = json.loads(path.read_text())
    del content["trainer"]["finetune"]["patience"]
    path.write_text(json.dumps(content))
    check_made_by(INPUTS, "encoder", str(made))
