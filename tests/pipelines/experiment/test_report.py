"""A published section replaces its own, and nothing else."""

from pipelines.experiment.report import replace_section


def test_a_section_is_added_then_replaced() -> None:
    text = replace_section("# Results\n", "## one\n\nfirst\n")
    text = replace_section(text, "## two\n\nother\n")
    text = replace_section(text, "## one\n\nsecond, with \\1\n\n### task\n")
    assert text == "# Results\n\n## one\n\nsecond, with \\1\n\n### task\n\n## two\n\nother\n"
    assert replace_section(text, "## two\n\nnew\n").endswith("### task\n\n## two\n\nnew\n")
