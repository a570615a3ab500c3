"""The GRU with attention in its update gate, against a loop over behaviours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import HISTORY, MASK, B, D, L, N, random
from trainer.layers.augru import Augru

H = 3
ATTENTION = np.abs(random(B, N, L, seed=5)).clip(0, 1) * MASK[:, None].astype(np.float32)


def _run(layer: Any, history: Any, attention: Any = None) -> Any:
    return layer(layer.input_terms(history), attention)


def _loop(layer: Augru, x: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """All hidden states of one sequence [L, D] under its attention weights [L]."""
    kernel = layer.recurrent_kernel.numpy()
    hidden = np.zeros(H)
    states = []
    for term, weight in zip(reference.dense(layer.of_input, x), attention, strict=True):
        recurrent = hidden @ kernel
        update = reference.sigmoid(term[:H] + recurrent[:H])
        reset = reference.sigmoid(term[H : 2 * H] + recurrent[H : 2 * H])
        proposed = np.tanh(term[2 * H :] + reset * recurrent[2 * H :])
        hidden = (1 - weight * update) * hidden + weight * update * proposed
        states.append(hidden)
    return np.array(states)


@pytest.mark.parametrize(
    ("inputs", "shape"), [([HISTORY, ATTENTION], (B, N, H)), ([HISTORY], (B, L, H))]
)
def test_harness(inputs: list[np.ndarray], shape: tuple[int, ...]) -> None:
    run_layer_test(
        lambda: Augru(H), _run, inputs, shape=shape, parameters=(D * 3 * H + 3 * H) + H * 3 * H
    )


def test_last_state_under_attention_equals_the_loop() -> None:
    layer = Augru(H)
    _run(layer, HISTORY, ATTENTION)
    randomise(layer)
    expected = np.zeros((B, N, H))
    for b, n in np.ndindex(B, N):
        expected[b, n] = _loop(layer, HISTORY[b], ATTENTION[b, n])[-1]
    np.testing.assert_allclose(_run(layer, HISTORY, ATTENTION), expected, atol=1e-5)


def test_without_attention_it_is_a_gru() -> None:
    layer = Augru(H)
    _run(layer, HISTORY)
    randomise(layer)
    expected = [_loop(layer, HISTORY[b], np.ones(L)) for b in range(B)]
    np.testing.assert_allclose(_run(layer, HISTORY), expected, atol=1e-5)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: units=0"):
        Augru(0)
