"""What the README shows is true: its YAML is valid, its commands do what it says. test_docs.py has
the rest."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pipelines.app import app
from pipelines.config import RunConfig, load_run_config
from preprocessing.features import user_inputs
from tests.testing import write_csv

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_its_dataset_is_a_valid_config() -> None:
    config = RunConfig.model_validate(_dataset())
    assert set(config.dataset.tasks) == {"click", "buy"}


def _dataset() -> Any:
    block = re.search(r"^    dataset:\n(?:    .*\n)*", README, re.MULTILINE)
    assert block is not None
    return yaml.safe_load(textwrap.dedent(block.group()))


def test_its_user_is_one_that_the_model_needs_no_more_of() -> None:
    """Its names are those of the model's inputs, all statistics of users among them."""
    block = re.search(r"^    user = (\{\n(?:.*\n)*?    \})$", README, re.MULTILINE)
    assert block is not None
    user = ast.literal_eval(textwrap.dedent(block.group(1)))
    inputs = user_inputs(load_run_config(ROOT / "configs" / "ml_100k.yaml").spec)
    assert set(user) <= {feature.name for feature in inputs}
    counted = [feature.name for feature in inputs if feature.statistic is not None]
    assert counted
    assert set(counted) <= set(user)


@pytest.mark.slow
def test_its_own_log_is_inspected_and_validated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands under "your own log", on a log with the columns that its YAML names."""
    block = README.partition("## Fifteen minutes to your own log")[2].partition("## Serving")[0]
    inspect, validate = re.findall(
        r"^    \.venv/bin/srp4ctr (data .+?)(?:  +#.*)?$", block, re.MULTILINE
    )
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "user_id": f"u{n % 40}",
            "item_id": f"i{n % 30}",
            "time": 1_700_000_000 + 60 * n,
            "request_id": f"r{n // 3}",
            "category": f"c{n % 5}",
            "tags": "a|b" if n % 3 else "a",
            "price": n % 7 + 0.5,
            "action": "view",
            "device": "phone" if n % 2 else "desktop",
            "clicked": int(n % 7 == 0),
            "bought": int(n % 20 == 0),
        }
        for n in range(3000)
    ]
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "impressions.csv", rows)
    assert CliRunner().invoke(app, inspect.split()).exit_code == 0
    assert load_run_config("my_shop.yaml").dataset.tasks
    (tmp_path / "my_shop.yaml").write_text(yaml.safe_dump(_dataset()))
    done = CliRunner().invoke(app, validate.split())
    assert done.exit_code == 0 and "No problem found." in done.output, done.output


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")))
def test_every_config_is_valid(path: Path) -> None:
    load_run_config(path)


def test_its_results_are_those_of_an_experiment() -> None:
    """Each row of the README's table is a row of the first one in docs/results.md, in fewer
    columns."""
    shown = README.partition("## Results")[2].partition("\n## ")[0]
    rows = _table_rows(shown)
    found = {row["model"]: row for row in _table_rows((ROOT / "docs/results.md").read_text())}
    names = {
        "SRP4CTR": "srp4ctr",
        "DIEN, the best baseline": "dien",
        "SRP4CTR without the encoder": "base",
    }
    assert [row["model"] for row in rows] == list(names)
    for row in rows:
        of_experiment = found[names[row["model"]]]
        assert row["test AUC"] == of_experiment["auc"]
        difference = of_experiment["difference"]
        interval = of_experiment["95 % interval"]
        expected = f"{difference} ({interval})" if difference else ""
        assert row["points over the best baseline"] == expected


def _table_rows(text: str) -> list[dict[str, str]]:
    """The rows of a text's first Markdown table, by its header."""
    table = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert table is not None
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.group().splitlines()
    ]
    header, _, *rows = cells
    return [dict(zip(header, row, strict=True)) for row in rows]
