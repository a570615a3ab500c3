"""Candidates for trees, made up."""

from __future__ import annotations

import numpy as np

from pipelines.counts.table import Candidates


def planted(requests: int, seed: int, words: int = 30, each: int = 5) -> Candidates:
    """Some candidates of each request; labels depend on a number and on whether a word is even."""
    rng = np.random.default_rng(seed)
    count = requests * each
    numbers = rng.normal(size=(count, 2)).astype(np.float32)
    word = rng.integers(0, words, (count, 1))
    chance = 1 / (1 + np.exp(-3 * numbers[:, 0] - np.where(word[:, 0] % 2, -2, 2)))
    labels = rng.random(count) < chance
    return Candidates(
        numbers, {"item": word}, {"buy": labels}, np.repeat(np.arange(requests), each)
    )
