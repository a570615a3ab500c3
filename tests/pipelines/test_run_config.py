"""Settings of a run that don't go together."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from pipelines.config import EvaluationConfig, RunConfig
from preprocessing.config import ConfigError, validated
from tests.testing import small_spec
from trainer.config import TrainerConfig
from trainer.inputs import StageInputs
from trainer.models.srp4ctr_config import Srp4CtrConfig

SAMPLED = {"negatives": {"per_request": 2}}


@pytest.mark.parametrize(("changes", "set_wise"), [({}, True), (SAMPLED, False)])
def test_either_alone_is_fine(changes: dict[str, Any], set_wise: bool) -> None:
    ranker = _run(changes, set_wise).trainer.ranker
    assert isinstance(ranker, Srp4CtrConfig) and ranker.set_wise == set_wise


def test_sampled_candidates_are_not_scored_as_a_set() -> None:
    with pytest.raises(
        pydantic.ValidationError, match="set_wise .* sampled ones .dataset.negatives."
    ):
        _run(SAMPLED, True)


def test_nor_does_tuning_try_it() -> None:
    tuning = {"trials": 2, "space": {"ranker.set_wise": [False, True]}}
    with pytest.raises(pydantic.ValidationError, match="set_wise"):
        _run(SAMPLED, False, tuning=tuning)


@pytest.mark.parametrize("key", ["runs_dir", "artifacts_dir"])
def test_a_folder_that_is_a_pattern_to_tfx_is_refused(key: str) -> None:
    with pytest.raises(
        pydantic.ValidationError, match=rf"{key} is a pattern to TFX .* Received: runs \[v2\]"
    ):
        RunConfig.model_validate({"dataset": small_spec(), key: "runs [v2]"})


def test_what_is_wrong_with_the_whole_spec_does_not_show_all_of_it() -> None:
    content = small_spec(**SAMPLED).model_dump(mode="json")
    content["tasks"]["buy"]["within"] = "7d"
    with pytest.raises(
        ConfigError, match="nothing can be attributed to them: \\['buy'\\].$"
    ) as caught:
        validated({"dataset": content}, RunConfig, "shop.yaml")
    assert len(str(caught.value)) < 200


def test_a_training_stage_is_held_to_it_too() -> None:
    config = TrainerConfig.model_validate({"ranker": {"set_wise": True}})
    with pytest.raises(ConfigError, match="set_wise"):
        StageInputs([], [], [], "", small_spec(**SAMPLED), config)


def _run(changes: dict[str, Any], set_wise: bool, **sections: Any) -> RunConfig:
    dataset = small_spec(**changes).model_dump()
    return RunConfig.model_validate(
        {"dataset": dataset, "trainer": {"ranker": {"set_wise": set_wise}}, **sections}
    )


@pytest.mark.parametrize("objective", ["cloze", "electra"])
def test_epochs_of_a_warm_start_need_one(objective: str) -> None:
    trainer = {"pretrain": {"objective": objective, "warm_epochs": 3}}
    with pytest.raises(
        pydantic.ValidationError, match="warm_epochs counts only .* `warm_start: true`, or leave"
    ):
        RunConfig.model_validate({"dataset": small_spec(), "trainer": trainer})


def test_the_cheaper_ranker_needs_a_measured_gain_and_no_encoder_to_go_on_with() -> None:
    with pytest.raises(pydantic.ValidationError, match="push: cheaper needs .* counts_rows: 0"):
        EvaluationConfig.model_validate({"push": "cheaper", "counts_rows": 0})
    with pytest.raises(pydantic.ValidationError, match="cheaper may push a ranker without one"):
        RunConfig.model_validate(
            {
                "dataset": small_spec(),
                "evaluation": {"push": "cheaper"},
                "warm_start": True,
                "span": 3,
            }
        )
