"""A published section replaces its own, and nothing else."""

from pipelines.experiment.report import replace_section, section


def test_a_section_is_added_then_replaced() -> None:
    text = replace_section("# Results\n", "## one\n\nfirst\n")
    text = replace_section(text, "## two\n\nother\n")
    text = replace_section(text, "## one\n\nsecond, with \\1\n\n### task\n")
    assert text == "# Results\n\n## one\n\nsecond, with \\1\n\n### task\n\n## two\n\nother\n"
    assert replace_section(text, "## two\n\nnew\n").endswith("### task\n\n## two\n\nnew\n")


def test_an_unfinished_experiment_says_what_it_lacks() -> None:
    keys = ("command", "date", "commit", "stack", "data", "seeds", "tuning", "resamples")
    content = {"made": dict.fromkeys(keys, ""), "missing": {}, "tasks": {}}
    assert "Not finished" not in section("name", content, {})
    text = section("name", content | {"missing": {"din": 2, "bst": 1}}, {})
    assert "Not finished; trainings still missing: 2 of din, 1 of bst." in text
