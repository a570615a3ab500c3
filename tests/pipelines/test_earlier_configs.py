"""Configurations that earlier versions left beside their runs are read, and mean what they
meant."""

from __future__ import annotations

from pathlib import Path

from pipelines.config import RunConfig, load_run_config
from pipelines.finished import config_of

ROOT = Path(__file__).parent.parent.parent
EARLIER = (
    Path(__file__).parent / "earlier" / "ml_100k.json"
)  # written when every kind and model had all options


def test_a_run_of_an_earlier_version(tmp_path: Path) -> None:
    (tmp_path / "ml_100k").mkdir()
    (tmp_path / "ml_100k" / "config.json").write_bytes(EARLIER.read_bytes())
    now = load_run_config(ROOT / "configs/ml_100k.yaml")
    # What it was by default, or couldn't be otherwise.
    ranker = now.trainer.ranker.model_copy(update={"interest": "din", "query_tokens": 4})
    trainer = now.trainer.model_copy(update={"jit_compile": False, "ranker": ranker})
    uncounted = now.dataset.features.model_copy(update={"match": {}, "statistics": {}})
    dataset = now.dataset.model_copy(update={"features": uncounted})
    then = {"runs_dir": str(tmp_path), "trainer": trainer, "dataset": dataset}
    expected = now.model_copy(update=then)
    assert config_of(tmp_path / "ml_100k").model_dump() == expected.model_dump()


def test_a_run_of_this_version() -> None:
    now = load_run_config(ROOT / "configs/ml_100k.yaml")
    assert RunConfig.model_validate_json(now.model_dump_json()) == now
