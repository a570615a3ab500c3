"""The trainer's configuration refuses what can't be meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from preprocessing.config import ConfigError, load_yaml
from tests.testing_trainer import toy_spec
from trainer.config import TrainerConfig
from trainer.pretraining.cloze_config import ClozeConfig


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("sead: 1", "sead", "seed"),
        ("encoder: {dims: 8}", "encoder.dims", "dim"),
        ("ranker: {modle: din}", "ranker.modle", "model"),
        ("ranker: {model: bst, bst: {hedas: 4}}", "ranker.bst.hedas", "heads"),
        ("pretrain: {masking: {items_rate: 0.1}}", "pretrain.masking.items_rate", "item_rate"),
        (
            "finetune: {optimizer: {learningrate: 0.1}}",
            "finetune.optimizer.learningrate",
            "learning_rate",
        ),
    ],
)
def test_unknown_key_is_named_with_the_nearest_known_one(
    tmp_path: Path, text: str, key: str, nearest: str
) -> None:
    (tmp_path / "trainer.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_yaml(tmp_path / "trainer.yaml", TrainerConfig)
    assert f"{tmp_path}/trainer.yaml: {key}: unknown key. Did you mean '{nearest}'?" in str(
        error.value
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"encoder": {"dim": 6, "heads": 4}},
        {"encoder": {"layers": 0}},
        {"encoder": {"dropout": 1.0}},
        {"pretrain": {"masking": {"item_rate": 0.5, "behavior_rate": 0.5}}},
        {"pretrain": {"masking": {"item_rate": 0, "behavior_rate": 0}}},
        {"pretrain": {"optimizer": {"learning_rate": 0}}},
        {"pretrain": {"optimizer": {"warmup": 1}}},
        {"ranker": {"encoder": "sometimes"}},
        {"ranker": {"attention_units": [8, 4, 2]}},
        {"ranker": {"query_tokens": -1}},
        {"finetune": {"patience": 0}},
        {"export": {"state_dtype": "int4"}},
    ],
)
def test_impossible_values_are_refused(settings: dict[str, Any]) -> None:
    (section,) = settings.values()
    key = next(iter(section))  # the first of several is what the message names
    with pytest.raises(pydantic.ValidationError, match=key):
        TrainerConfig.model_validate(settings)


def test_more_sampled_classes_than_rows_are_refused() -> None:
    """The sampler draws distinct classes: it fails, in the middle of training, if there are too
    few."""
    with pytest.raises(pydantic.ValidationError, match="sampled_classes"):
        ClozeConfig(sampled_softmax_above=100, sampled_classes=200)


def test_configuration_survives_json_and_is_frozen() -> None:
    config = TrainerConfig.model_validate({"seed": 3, "ranker": {"tower_units": 8}})
    assert TrainerConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(pydantic.ValidationError):
        config.seed = 4  # type: ignore[misc]


def test_baseline_differs_in_the_encoder_alone() -> None:
    config = TrainerConfig.model_validate({"seed": 3, "ranker": {"experts": 2}})
    without = {"seed": 3, "ranker": {"experts": 2, "encoder": "none", "interest": "din"}}
    assert config.without_encoder() == TrainerConfig.model_validate(without)


def test_a_task_among_others_can_not_have_the_name_of_their_mean() -> None:
    """Its curve would be the mean's."""
    tasks = {
        "mean": {"column": "kind", "equals": "nasty"},
        "buy": {"column": "bought", "equals": 1},
    }
    with pytest.raises(ConfigError, match=r"dataset\.tasks: one of several can't be called mean"):
        TrainerConfig().check_fits(toy_spec(tasks=tasks))
    TrainerConfig().check_fits(toy_spec(tasks={"mean": tasks["mean"]}))
