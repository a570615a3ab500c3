"""The examples in docstrings: those at a prompt run as doctests, the others are Python or YAML."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGES = ("preprocessing", "trainer", "serving", "pipelines")
PROMPT = ">>> "


def _modules() -> Iterator[tuple[str, str]]:
    """(name, source) of every module."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name, path.read_text(encoding="utf-8")


WITH_PROMPT = [name for name, source in _modules() if PROMPT in source]


@pytest.mark.parametrize("module", WITH_PROMPT)
def test_examples_give_what_they_say(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def _without_prompt() -> Iterator[tuple[str, str]]:
    """(module, example) of each one that needs a server, a log or a file, and so doesn't run."""
    for name, source in _modules():
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                continue
            docstring = ast.get_docstring(node) or ""
            for block in re.findall(r"^Example:\n((?: .*\n|\n)+)", docstring + "\n", re.MULTILINE):
                if PROMPT not in block:
                    yield name, textwrap.dedent(block)


EXAMPLES = list(_without_prompt())


@pytest.mark.parametrize(("module", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_other_examples_can_be_read(module: str, example: str) -> None:
    try:
        ast.parse(example)
    except SyntaxError:
        assert isinstance(yaml.safe_load(example), dict), example


def test_examples_are_found() -> None:
    assert len(WITH_PROMPT) > 25
    assert "serving.client" in dict(EXAMPLES)
    assert "preprocessing.spec" in dict(EXAMPLES)
