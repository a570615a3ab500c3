"""What the README shows is true: its YAML is a valid config, its links lead somewhere, its make targets exist."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from pipelines.config import RunConfig, load_run_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_dataset_is_a_valid_config() -> None:
    block = re.search(r"^    dataset:\n(?:    .*\n|\n)*?(?=\n    \.venv)", README, re.MULTILINE)
    assert block is not None
    config = RunConfig.model_validate(yaml.safe_load(textwrap.dedent(block.group())))
    assert set(config.dataset.tasks) == {"click", "buy"}


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README))))
def test_its_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")))
def test_every_config_is_valid(path: Path) -> None:
    load_run_config(path)
