"""The generated data set: the same everywhere, and a log that its config reads."""

from __future__ import annotations

from pathlib import Path

from pipelines.config import load_run_config
from preprocessing.adapters.planted import HISTORY, build
from preprocessing.datasets import fetch

ROOT = Path(__file__).parent.parent.parent


def test_it_is_generated_once_and_the_same_everywhere(tmp_path: Path) -> None:
    said: list[str] = []
    first, second = (
        fetch("planted", tmp_path / place, said.append) / "log.csv" for place in ("a", "b")
    )
    assert first.read_bytes() == second.read_bytes()
    written = first.stat().st_mtime_ns
    fetch("planted", tmp_path / "a", said.append)
    assert first.stat().st_mtime_ns == written and "already" in said[-1]


def test_its_seed_makes_another(tmp_path: Path) -> None:
    for seed in (1, 2):
        build(tmp_path / str(seed), users=5, seed=seed)
    assert (tmp_path / "1").read_bytes() != (tmp_path / "2").read_bytes()


def test_the_config_keeps_as_much_history_as_the_signal_needs() -> None:
    assert load_run_config(ROOT / "configs/planted.yaml").dataset.history.length == HISTORY
