"""The worked examples of docs/extending.md, put into a copy of the tree as they are written there,
and run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", DOC, re.DOTALL))
LINES = re.findall(r"In `([\w/]+\.py)`, in `(\w+)`:\n\n```python\n(.*?)```", DOC, re.DOTALL)
COMMANDS = re.findall(r"^    \.venv/bin/python -m (pytest .+)$", DOC, re.MULTILINE)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the doc's files and lines in it."""
    copy = tmp_path_factory.mktemp("extended")
    for package in ("preprocessing", "trainer", "serving", "pipelines", "tests"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name, code in FILES.items():
        assert not (copy / name).exists(), "the doc shows what is new"
        (copy / name).write_text(code, encoding="utf-8")
    for name, table, line in LINES:
        code = (copy / name).read_text(encoding="utf-8")
        assert code.count(f"{table} = {{\n") == 1
        (copy / name).write_text(
            code.replace(f"{table} = {{\n", f"{table} = {{\n{line}"), encoding="utf-8"
        )
    return copy


def run(tree: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_of_the_four_is_one_file_and_one_line() -> None:
    assert len(LINES) == len(COMMANDS) == 4
    assert len([name for name in FILES if not name.startswith("tests/")]) == 4


def test_its_tests_pass_and_run_the_code_of_the_doc(tree: Path) -> None:
    """All in one process: to import TensorFlow takes longer than the tests."""
    paths = []
    names = []
    for _, path, *selection in map(str.split, COMMANDS):
        paths.append(path)
        names.append(selection[-1] if selection else Path(path).stem)
    said = run(
        tree,
        "-m",
        "pytest",
        *paths,
        "-k",
        " or ".join(names),
        "-rA",
        "-q",
        "-p",
        "no:cacheprovider",
    )
    assert "failed" not in said
    for name in names:
        assert re.search(rf"^PASSED .*{name}", said, re.MULTILINE), name


def test_its_code_keeps_to_the_style_of_the_tree(tree: Path) -> None:
    run(tree, "-m", "ruff", "check", "--no-cache", *FILES)
    run(tree, "-m", "ruff", "format", "--check", "--no-cache", *FILES)


def test_its_options_are_its_own(tree: Path) -> None:
    code = (
        "import pydantic\n"
        "from preprocessing.spec import Features\n"
        "from preprocessing.spec_tables import Table\n"
        "from trainer.config import TrainerConfig\n"
        "words = {'item': {'price': {'kind': 'numeric', 'base': 10}}}\n"
        "csv = {'format': 'csv', 'path': 'a.csv', 'lower_case': True}\n"
        "din = {'ranker': {'model': 'din', 'latest': 3}}\n"
        "for config, content in ((Features, words), (Table, csv), (TrainerConfig, din)):\n"
        "    try:\n"
        "        config.model_validate(content)\n"
        "    except pydantic.ValidationError as error:\n"
        "        print(error.errors()[0]['msg'])\n"
    )
    assert run(tree, "-c", code).splitlines() == [
        "`base` is an option of kind log_number, not of numeric.",
        "`lower_case` is an option of format orc, not of csv.",
        "`latest` is an option of model mean_pool, not of din.",
    ]


def test_its_configs_are_taken(tree: Path) -> None:
    model, feature = (
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)
    )
    code = (
        "from trainer.config import TrainerConfig; from preprocessing.spec import Features\n"
        f"TrainerConfig.model_validate({model['trainer']}); "
        f"Features.model_validate({feature['features']})"
    )
    run(tree, "-c", code)
