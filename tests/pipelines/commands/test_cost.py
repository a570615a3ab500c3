"""`srp4ctr cost`: its files, its last line, and the target the project set itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipelines.commands.cost.cost_report import fields_of
from pipelines.config import load_run_config
from preprocessing.config import ConfigError, changed
from tests.pipelines.conftest import srp4ctr
from trainer.costs import REFERENCE, cost_ratios, measure_cost

pytestmark = pytest.mark.slow
QUOTED = Path(__file__).parents[3] / "configs" / "cost.yaml"
MATCHED_VALUES = 8


def test_the_quoted_size_costs_an_eighth_of_the_unfolded_model() -> None:
    config = load_run_config(QUOTED)
    ours = config.trainer
    fields = fields_of(config, vocabulary=100)
    reference = changed(ours, {"ranker": {"model": REFERENCE}})
    costs = {one.ranker.model: measure_cost(fields, one) for one in (ours, reference)}
    assert cost_ratios(costs, ours.ranker.model)["inference_flops_ratio"] <= 0.125


@pytest.mark.parametrize("vocabulary", [100, 10_000])
def test_matches_are_part_of_the_state(vocabulary: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each behaviour keeps what it is compared by, as integers: six genres, a year and a rating."""
    monkeypatch.setattr("trainer.costs.CANDIDATES", ())
    config = load_run_config(QUOTED.parent / "ml_100k.yaml")
    without = changed(config.trainer, {"ranker": {"match": False}})
    fields = fields_of(config, vocabulary)
    with_matches, bare = (measure_cost(fields, one) for one in (config.trainer, without))
    length = config.dataset.history.length
    assert with_matches.state_bytes - bare.state_bytes == MATCHED_VALUES * 4 * length


def test_transitions_and_id_dropout_are_measured_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.costs.CANDIDATES", (1,))
    content = yaml.safe_load(QUOTED.read_text())
    content["dataset"]["history"]["length"] = 4
    content["dataset"]["features"]["match"] = {"brand": {}}
    content["trainer"]["ranker"] |= {"transitions": True, "id_dropout": 0.1}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    config = load_run_config(tmp_path / "run.yaml")
    assert measure_cost(fields_of(config, 100), config.trainer).dense_parameters > 100**2
    with pytest.raises(ConfigError, match="--vocabulary 10000 there is none.*--vocabulary 100"):
        fields_of(config, 10_000)


def test_every_ranker_is_measured_and_written_down(tmp_path: Path) -> None:
    """Of short histories: a recurrent model's graph is as long as they are."""
    content = yaml.safe_load(QUOTED.read_text())
    content["dataset"]["history"]["length"] = 4
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(content))
    done = srp4ctr("cost", tmp_path / "short.yaml", "--output", tmp_path, "--vocabulary", "100")
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    assert set(ratios) == {"inference_flops_ratio", "efficiency_flops_ratio"}
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
