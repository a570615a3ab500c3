"""`srp4ctr cost`: its files, its last line, and the target the project set itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipelines.conftest import srp4ctr

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_cost_of_the_quoted_size(tmp_path: Path) -> None:
    done = srp4ctr("cost", ROOT / "configs/cost.yaml", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    assert ratios["inference_flops_ratio"] <= 0.5
    written = json.loads((tmp_path / "cost.json").read_text())
    assert {"srp4ctr", "din", "pnn", "bst", "dien", "can", "unfolded_din"} <= set(written["models"])
    assert ratios.items() <= written.items()
    for name, cost in written["models"].items():
        assert cost["user_flops"] + cost["item_flops"]["1"] == cost["efficiency_flops"], name
        assert f"| {name} |" in (tmp_path / "cost.md").read_text()
    assert "| summary | each user |" in (tmp_path / "cost.md").read_text()
    assert {vector["of"] for vector in written["models"]["srp4ctr"]["state"]} == {
        "user",
        "position",
    }
    assert (tmp_path / "cost.svg").read_text().count("<svg") == 1
