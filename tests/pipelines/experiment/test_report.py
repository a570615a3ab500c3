"""A published section replaces its own, and nothing else; what it says of an experiment."""

from typing import Any

import pytest

from pipelines.errors import RunError
from pipelines.experiment.checks import check_published
from pipelines.experiment.config import ChoiceConfig
from pipelines.experiment.found import Found
from pipelines.experiment.report import replace_section, section
from pipelines.metrics import METRICS


def test_a_section_is_added_then_replaced() -> None:
    text = replace_section("# Results\n", "## one\n\nfirst\n")
    text = replace_section(text, "## two\n\nother\n")
    text = replace_section(text, "## one\n\nsecond, with \\1\n\n### task\n")
    assert text == "# Results\n\n## one\n\nsecond, with \\1\n\n### task\n\n## two\n\nother\n"
    assert replace_section(text, "## two\n\nnew\n").endswith("### task\n\n## two\n\nnew\n")


def test_an_unfinished_experiment_says_what_it_lacks() -> None:
    assert "Not finished" not in section("name", _found(), {})
    text = section("name", _found(missing={"din": 2, "bst": 1}), {})
    assert "Not finished; trainings still missing: 2 of din, 1 of bst." in text


def test_settings_are_shown_where_models_were_tuned_and_what_all_have_above() -> None:
    def text(setting: dict[str, Any], trainer: dict[str, Any]) -> str:
        task = {"best_baseline": "din", "models": {"din": _model() | {"setting": setting}}}
        return section("name", _found(trainer, tasks={"click": task}), {"click": "click.svg"})

    assert "| setting |" not in text({}, {})
    tuned = text({"ranker.dropout": 0.4}, {})
    assert "| setting |" in tuned and "| dropout 0.4 |" in tuned and "number of trials." in tuned
    assert "trials; all with `ranker.dropout` 0.2." in text({}, {"ranker.dropout": 0.2})


def test_the_validation_auc_is_beside_the_test_split_and_the_best_is_marked() -> None:
    models = {"din": _model(validation=0.71), "ours": _model(validation=0.72)}
    found = _found(tasks={"click": {"best_baseline": "din", "models": models}})
    pictures = {"click": "click.svg"}
    text = section("name", found, pictures)
    assert "| din | 1 | 0.7100 | 0.5000 |" in text
    assert "| ours | 1 | **0.7200** | 0.5000 |" in text
    assert "own setting" not in text
    chosen = section("name", found, pictures, ChoiceConfig(chosen="din", within=0.01))
    assert "The run's own setting is that of din; of settings that are less than 0.01" in chosen


def test_a_setting_that_validation_does_not_pick_is_not_published() -> None:
    models = {"din": _model(validation=0.71), "ours": _model(validation=0.72)}
    found = _found(tasks={"click": {"best_baseline": "din", "models": models}})
    check_published(found, ChoiceConfig(chosen="ours"))
    check_published(found, ChoiceConfig(chosen="din", within=0.011))
    check_published(found, None)
    with pytest.raises(RunError, match="din, with a validation AUC of 0.7100; ours has 0.72"):
        check_published(found, ChoiceConfig(chosen="din", within=0.009))


def test_a_table_whose_models_lack_seeds_is_not_published() -> None:
    with pytest.raises(RunError, match="Still missing: 2 of din, 1 of bst"):
        check_published(_found(missing={"din": 2, "bst": 1}), None)


def _model(validation: float = 0.5) -> dict[str, Any]:
    return {
        "seeds": [1],
        "validation_auc": {"mean": validation, "sd": None},
        "metrics": {name: {"mean": 0.5, "sd": None} for name in METRICS},
        "slices": {},
        "difference": {},
        "setting": {},
    }


def _found(trainer: dict[str, Any] | None = None, **parts: Any) -> Found:
    texts = dict.fromkeys(("command", "date", "commit", "stack", "data", "seeds", "tuning"), "")
    made = texts | {"trainer": trainer or {}, "resamples": 9}
    return Found.model_validate({"made": made, "missing": {}, "tasks": {}} | parts)
