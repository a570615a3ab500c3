"""The best AUC on generated logs whose chances are known, and the best that can be learned.

    python -m benchmarks.planted

The best is the AUC of the chances themselves, over the candidates of the test split. Nobody can
reach it who has to find an item's popularity and a user's taste from clicks. What can be learned is
the AUC of somebody who knows all else about the site, and has seen every click of earlier pages:
popularity is followed by an extended Kalman filter, taste by Bayes' rule.
"""

from __future__ import annotations

import csv
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from preprocessing.adapters.planted_counts import (
    BASE_LOGIT,
    CATEGORIES,
    NEWS,
    SHOP,
    TRAVEL,
    Row,
    Site,
)
from preprocessing.datasets import fetch
from preprocessing.spec import DatasetSpec
from preprocessing.spec_records import TimeSplit
from trainer.metrics import auc

ROOT = Path(__file__).parent.parent
SITES = {"shop": SHOP, "news": NEWS, "travel": TRAVEL}


class Best(NamedTuple):
    """What models of a log can be held against.

    Attributes:
        known: The AUC of the chances themselves.
        learned: The AUC of somebody who learns popularity and taste from clicks.
        candidates: Those of the test split.
    """

    known: float
    learned: float
    candidates: int


def best(log: Path, spec: DatasetSpec, site: Site) -> Best:
    """Computes both over the test split.

    Args:
        log: The CSV that was generated.
        spec: Says where the test split begins.
        site: What the log was generated for.
    """
    assert isinstance(spec.split, TimeSplit)
    begins = spec.split.test_from.timestamp()
    rows = list(_rows(log))
    guesses = np.concatenate(list(_guesses(rows, site)))
    is_test = np.array([row.timestamp >= begins for row in rows])
    labels = np.array([row.clicked for row in rows])[is_test]
    chances = np.array([float(row.chance) for row in rows])[is_test]
    return Best(auc(labels, chances), auc(labels, guesses[is_test]), len(labels))


def _rows(log: Path) -> Iterator[Row]:
    """The rows of a log as `planted_counts.build` wrote them."""
    with log.open(newline="") as stream:
        for row in csv.DictReader(stream):
            yield Row(
                row["user_id"],
                row["item_id"],
                row["category"],
                int(row["timestamp"]),
                row["request_id"],
                int(row["clicked"]),
                row["chance"],
            )


def _guesses(rows: list[Row], site: Site) -> Iterator[np.ndarray]:
    """The chances of each page's candidates for somebody who has seen the pages before."""
    popularity = _Popularity(site)
    following = _following(rows)
    tastes: dict[str, np.ndarray] = {}  # by user, the log weight of each category
    clicked: dict[str, set[str]] = {}
    latest: dict[str, int] = {}  # by user, the category of the latest click
    for _, of_page in itertools.groupby(rows, key=lambda row: row.request_id):
        page = list(of_page)
        user = page[0].user_id
        categories = np.array([_number(row.category) for row in page])
        items = [row.item_id for row in page]
        means = popularity.at(page[0].timestamp, items)
        met = np.array([item in clicked.get(user, ()) for item in items])
        logits = BASE_LOGIT + means + site.met * met
        if user in latest:
            logits += site.follows * (categories == following[latest[user]])
        # Of each category, if it were the user's own: [categories, candidates].
        is_own = np.arange(CATEGORIES)[:, None] == categories
        by_taste = _chance(logits + site.taste * is_own)
        weights = tastes.setdefault(user, np.zeros(CATEGORIES))
        share = np.exp(weights - weights.max())
        share /= share.sum()
        guess = share @ by_taste
        yield guess
        is_clicked = np.array([row.clicked for row in page])
        seen = np.where(is_clicked, by_taste, 1 - by_taste)
        tastes[user] = weights + np.log(seen).sum(axis=1)
        popularity.see(items, guess, is_clicked)
        for item, category, click in zip(items, categories.tolist(), is_clicked, strict=True):
            if click:
                clicked.setdefault(user, set()).add(item)
                latest[user] = category


class _Popularity:
    """What is known of items' popularity: of each a mean and a variance.

    An item begins with those that all are drawn from. They drift, see `planted_counts.rows`.
    """

    def __init__(self, site: Site) -> None:
        self._drift = site.drift**2
        self._known: dict[str, tuple[int, float, float]] = {}  # hour, mean, variance

    def at(self, time: int, items: list[str]) -> np.ndarray:
        """The means of items at a time, which is not before that of the last call."""
        hour = time // 3600
        for item in items:
            then, mean, variance = self._known.get(item, (hour, 0.0, 1.0))
            kept = (1 + self._drift) ** -(hour - then)
            self._known[item] = (hour, mean * np.sqrt(kept), 1 - kept * (1 - variance))
        return np.array([self._known[item][1] for item in items])

    def see(self, items: list[str], chances: np.ndarray, is_clicked: np.ndarray) -> None:
        """Learns from a page whose clicks were expected by some chances."""
        for item, chance, click in zip(items, chances, is_clicked, strict=True):
            hour, mean, variance = self._known[item]
            variance = 1 / (1 / variance + chance * (1 - chance))
            self._known[item] = (hour, mean + variance * (click - chance), variance)


def _following(rows: list[Row]) -> np.ndarray:
    """The category that follows each one: whose candidates have the best chances after it."""
    sums = np.zeros((CATEGORIES, CATEGORIES))
    counts = np.ones((CATEGORIES, CATEGORIES))
    latest: dict[str, int] = {}
    for _, of_page in itertools.groupby(rows, key=lambda row: row.request_id):
        page = list(of_page)
        before = latest.get(page[0].user_id)
        for row in page:
            category = _number(row.category)
            if before is not None:
                sums[before, category] += np.log(float(row.chance) / (1 - float(row.chance)))
                counts[before, category] += 1
            if row.clicked:
                latest[row.user_id] = category
    return np.argmax(sums / counts, axis=1)


def _number(category: str) -> int:
    return int(category.removeprefix("c"))


def _chance(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def main() -> None:
    """The script."""
    with tempfile.TemporaryDirectory() as folder:
        for name, site in SITES.items():
            content = yaml.safe_load((ROOT / "configs" / f"planted_{name}.yaml").read_text())
            spec = DatasetSpec.model_validate(content["dataset"])
            log = fetch(f"planted-{name}", Path(folder), lambda line: None) / "log.csv"
            found = best(log, spec, site)
            print(
                f"planted_{name}: {found.known:.4f} at best, {found.learned:.4f} for who learns, "
                f"{found.candidates:,} candidates"
            )


if __name__ == "__main__":
    main()
