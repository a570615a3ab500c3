"""The generated data set: the same everywhere, and a log that its config reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.config import load_run_config
from preprocessing.adapters import planted_counts
from preprocessing.adapters.planted import HISTORY, build
from preprocessing.datasets import fetch

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_it_is_generated_once_and_the_same_everywhere(tmp_path: Path) -> None:
    said: list[str] = []
    first = fetch("planted", tmp_path / "a", said.append) / "log.csv"
    second = fetch("planted", tmp_path / "b", said.append) / "log.csv"
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shop", "news", "travel"])
def test_clicks_come_with_their_chances(name: str) -> None:
    site = getattr(planted_counts, name.upper())
    made = list(planted_counts.rows(site, pages=1000, seed=1))
    assert made == list(planted_counts.rows(site, pages=1000, seed=1))
    rows = [planted_counts.Row(*row) for row in made]
    assert len(rows) == 1000 * site.page
    clicked = np.array([row.clicked for row in rows])
    chances = np.array([float(row.chance) for row in rows])
    for likely in (chances < 0.1, (chances >= 0.1) & (chances < 0.4), chances >= 0.4):
        assert clicked[likely].mean() == pytest.approx(chances[likely].mean(), abs=0.03)
    pages = {(row.user_id, row.timestamp): row.request_id for row in rows}
    assert len(pages) == 1000  # no user has two at one time


@pytest.mark.slow
def test_items_of_news_are_new_and_those_of_a_shop_stay() -> None:
    seen = {}
    for name, site in (("shop", planted_counts.SHOP), ("news", planted_counts.NEWS)):
        rows = [planted_counts.Row(*row) for row in planted_counts.rows(site, 2000, seed=1)]
        half = len(rows) // 2
        before = {row.item_id for row in rows[:half]}
        later = {row.item_id for row in rows[half:]}
        seen[name] = len(later & before) / len(later)
    assert seen["shop"] > 0.4 and seen["news"] < 0.1
