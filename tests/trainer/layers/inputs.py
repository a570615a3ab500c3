"""Small random inputs of the layers' tests: B requests, N candidates, L behaviours, width D."""

from __future__ import annotations

import numpy as np

B = 3
N = 2
L = 5
D = 4
# A whole history, one with padding, and an empty one.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


HISTORY = random(B, L, D, seed=1)
CANDIDATES = random(B, N, D, seed=2)
USER = random(B, 3, seed=3)
ITEMS = random(B, N, 2, seed=4)
