"""A published section replaces its own, and nothing else; what it says of an experiment."""

from typing import Any

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
    metrics = dict.fromkeys(METRICS, {"mean": 0.5, "sd": None})
    model = {"seeds": [1], "metrics": metrics, "slices": {}, "difference": {}, "setting": {}}

    def text(setting: dict[str, Any], trainer: dict[str, Any]) -> str:
        task = {"best_baseline": "din", "models": {"din": model | {"setting": setting}}}
        return section("name", _found(trainer, tasks={"click": task}), {"click": "click.svg"})

    assert "| setting |" not in text({}, {})
    tuned = text({"ranker.dropout": 0.4}, {})
    assert "| setting |" in tuned and "| dropout 0.4 |" in tuned and "number of trials." in tuned
    assert "trials; all with `ranker.dropout` 0.2." in text({}, {"ranker.dropout": 0.2})


def _found(trainer: dict[str, Any] | None = None, **parts: Any) -> Found:
    texts = dict.fromkeys(("command", "date", "commit", "stack", "data", "seeds", "tuning"), "")
    made = texts | {"trainer": trainer or {}, "resamples": 9}
    return Found.model_validate({"made": made, "missing": {}, "tasks": {}} | parts)
