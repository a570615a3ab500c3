"""The co-action unit, against a loop over candidates and behaviours."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.layers.harness import run_layer_test
from tests.trainer.layers.inputs import MASK, B, L, N, random
from trainer.layers.co_action import CoAction

WIDTHS = (2, 3, 4)
ORDERS = 2
PARAMETERS = (2 * 3 + 3) + (3 * 4 + 4)
INDUCTION = random(B, N, PARAMETERS, seed=1)
FEED = random(B, L, 2, seed=2)


def _one(parameters: np.ndarray, feed: np.ndarray) -> np.ndarray:
    """All layers' outputs for all orders, of one candidate and one behaviour."""
    first, bias, second, last = np.split(parameters, np.cumsum([6, 3, 12]))
    outputs = []
    for order in range(1, ORDERS + 1):
        hidden = np.tanh(feed**order @ first.reshape(2, 3) + bias)
        outputs += [hidden, hidden @ second.reshape(3, 4) + last]
    return np.concatenate(outputs)


def test_it_equals_the_loop() -> None:
    expected = np.zeros((B, N, ORDERS * 7))
    for b, n, cell in np.argwhere(np.repeat(MASK[:, None], N, 1)):
        expected[b, n] += _one(INDUCTION[b, n], FEED[b, cell])
    layer = CoAction(WIDTHS, ORDERS)
    assert layer.parameters == PARAMETERS
    np.testing.assert_allclose(layer(INDUCTION, FEED, MASK), expected, atol=1e-5)


def test_harness() -> None:
    run_layer_test(
        lambda: CoAction(WIDTHS, ORDERS),
        lambda layer, *inputs: layer(*inputs),
        [INDUCTION, FEED, MASK],
        shape=(B, N, ORDERS * 7),
        parameters=0,
    )


@pytest.mark.parametrize(("widths", "orders"), [((2,), 1), ((2, 3), 0)])
def test_impossible_sizes_are_refused(widths: tuple[int, ...], orders: int) -> None:
    with pytest.raises(ValueError, match="Received: "):
        CoAction(widths, orders)
