"""What an experiment's file says is checked for every model before the records are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.config import RunConfig
from pipelines.experiment import run as experiment_run
from pipelines.experiment.checks import check_experiment
from pipelines.experiment.config import ExperimentConfig
from preprocessing.config import ConfigError
from tests.testing import small_spec

DIN = {"baseline": True, "trainer": {"ranker": {"model": "din"}}}


def _check(model: dict[str, Any], **changes: Any) -> None:
    run = RunConfig.model_validate(
        {"dataset": small_spec().model_dump(), "trainer": {"export": {"max_history": 9}}}
    )
    content = {"run": "", "models": {"din": DIN, "ours": model}} | changes
    check_experiment(ExperimentConfig.model_validate(content), run)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            {"trainer": {"ranker": {"model": "din", "query_tokens": 8}}},
            (
                "^models.ours: ranker.query_tokens: `query_tokens` is an option of model "
                "srp4ctr, not of din"
            ),
        ),
        (
            {"trainer": {"encoder": {"without": ["gpa"]}}},
            "^models.ours: .*Received: gpa. Did you mean 'gap'",
        ),
        ({"trainer": {"ranker": {"model": "bst", "bst": {"heads": 7}}}}, "^models.ours: .*here 80"),
        ({"history_length": 10}, "^models.ours: .*max_history must not be less than .* 9 and 10"),
        (
            {"pretrained": True, "trainer": {"ranker": {"model": "din"}}},
            "^models.ours.pretrained: .*no encoder",
        ),
        (
            {"pretrained": True, "trainer": {"ranker": {"encoder": "none"}}},
            "^models.ours.pretrained: .*no encoder",
        ),
    ],
)
def test_a_model_that_can_not_be_meant(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _check(model)


def test_a_setting_that_does_not_count_in_a_model() -> None:
    tuning = {"trials": 1, "space": {"ranker.query_tokens": [8]}}
    with pytest.raises(
        ConfigError, match="^models.din with .*`query_tokens` is an option of model srp4ctr"
    ):
        _check({}, tuning=tuning)


def test_what_all_models_have_counts_where_it_can() -> None:
    _check({"trainer": {"encoder": {"features": "ids"}}}, trainer={"encoder": {"without": ["gap"]}})


def test_it_is_checked_before_the_records_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.yaml").write_text(
        yaml.safe_dump({"dataset": small_spec().model_dump(mode="json")})
    )
    models = {"din": DIN, "ours": {"trainer": {"ranker": {"encoder": "none", "query_tokens": 8}}}}
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text(yaml.safe_dump({"run": str(tmp_path / "run.yaml"), "models": models}))

    def made(*_: Any) -> None:
        raise AssertionError("the records come first")

    monkeypatch.setattr(experiment_run, "prepare_records", made)
    with pytest.raises(
        ConfigError, match="models.ours: ranker: `query_tokens` is an option of encoder learned and"
    ):
        experiment_run.run_experiment(experiment)
