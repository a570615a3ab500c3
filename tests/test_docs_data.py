"""What docs/data.md shows is true: its YAML is valid and reads what it says, its tables and reasons
exist."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from preprocessing.datasets import DATASETS
from preprocessing.registry import FORMATS
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.spec_tables import Entities, Events

ROOT = Path(__file__).parent.parent
DOC = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_its_yaml_is_valid(block: str) -> None:
    declared = yaml.safe_load(block)
    assert Events.model_validate(declared["events"]).format in ("csv", "tsv", "jsonl", "bigquery")
    assert "items" not in declared or Entities.model_validate(declared["items"]).key == "product_id"


def rows_of(block: str, path: Path, task: dict[str, Any]) -> list[dict[str, Any]]:
    events = yaml.safe_load(block)["events"] | {"path": str(path)}
    spec = DatasetSpec.model_validate({"name": "doc", "events": events, "tasks": {"click": task}})
    return good_rows(spec, path)


def good_rows(spec: DatasetSpec, path: Path) -> list[dict[str, Any]]:
    """The rows of a log; none may be rejected."""
    rows = []
    for part in read_table(spec, "events", str(path)):
        assert isinstance(part, pa.Table)
        rows += part.to_pylist()
    return rows


def test_its_rows_that_hold_lists_are_read_as_it_says(tmp_path: Path) -> None:
    text, structures, pages = (
        block for block in BLOCKS if "explode" in block and "bigquery" not in block
    )
    line = re.search(r"# (U13740.*)", text)
    assert line is not None
    (tmp_path / "behaviors.tsv").write_text(re.sub(r" {3,}", "\t", line.group(1)) + "\n")
    rows = rows_of(text, tmp_path / "behaviors.tsv", {"column": "clicked", "equals": 1})
    assert [(row["item"], row["number:clicked"], row["time"]) for row in rows] == [
        ("N55689", 1.0, 1573463158),
        ("N35729", 0.0, 1573463158),
    ]
    line = re.search(r"# (\{.*\})", structures)
    assert line is not None
    (tmp_path / "pages.jsonl").write_text(json.dumps(json.loads(line.group(1))) + "\n")
    rows = rows_of(structures, tmp_path / "pages.jsonl", {"column": "shown.clicked", "equals": 1})
    assert [tuple(row.values()) for row in rows] == [("7", "a", 1714564800, 1.0)]
    (tmp_path / "pages.csv").write_text("\n".join(re.findall(r"# (u1,.*)", pages)) + "\n")
    spec = DatasetSpec.model_validate(yaml.safe_load(pages) | {"name": "doc"})
    found = [
        (row["item"], row["number:position"], row["number:prices"])
        for row in good_rows(spec, tmp_path / "pages.csv")
    ]
    assert found[:3] == [("h1", 1, 90), ("h2", 2, 75), ("h3", 3, 120)]
    assert [item for item, *_ in found] == ["h1", "h2", "h3", "h3"]


def test_its_formats_and_data_sets_are_all_there_are() -> None:
    first_cells = re.findall(r"^\| (`[^|]+`) \|", DOC, re.MULTILINE)
    named = set(re.findall(r"`([^`]+)`", " ".join(first_cells)))
    assert set(FORMATS) <= named and set(DATASETS) <= named
    for name, config in re.findall(
        r"^\| `([a-z0-9-]+)` \| `(configs/[a-z0-9_]+\.yaml)` \|", DOC, re.MULTILINE
    ):
        assert name in DATASETS and (ROOT / config).is_file()


def test_its_reasons_are_those_of_the_code() -> None:
    table = DOC.partition("| reason | the row |")[2].partition("\n\n")[0]
    cells = re.sub(r"\|[^|]*\|$", "", table, flags=re.MULTILINE)
    named = set(re.findall(r"`([a-z_]+)`", cells))
    assert len(named) > 15
    missing = {"missing_user", "missing_item", "missing_key", "missing_timestamp"}
    assert named - missing == _reasons() - missing


def _reasons() -> set[str]:
    """What the code gives as the reason for a rejection, where it isn't put together."""
    reasons: set[str] = set()
    for path in (ROOT / "preprocessing" / "sources").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for place in _places_of_reasons(node):
                if isinstance(place, ast.Constant) and _is_reason(place.value):
                    reasons.add(str(place.value))
    return reasons


def _places_of_reasons(node: ast.AST) -> list[ast.expr]:
    """Arguments of what rejects, the first of a pair, and what is called a reason."""
    if isinstance(node, ast.Call):
        is_meant = ast.unparse(node.func).lower().endswith(("reject", "rejected", "rejectedrow"))
        return node.args if is_meant else []
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        message = node.elts[1]
        is_word = isinstance(message, ast.Constant) and " " not in str(message.value)
        return [] if is_word else node.elts[:1]
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_REASON":
        return [node.value]
    return []


def _is_reason(value: Any) -> bool:
    return bool(re.fullmatch("[a-z]+(_[a-z]+)*", str(value))) and value != "events"
