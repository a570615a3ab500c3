"""MMoE, folded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import ITEMS, USER, B, N
from trainer.layers.folded_dense import FoldedDense
from trainer.layers.folded_mmoe import FoldedMmoe


def _mix(layer: Any, items: Any, user: Any) -> Any:
    return layer(items, layer.user_state(user))


def test_harness() -> None:
    run_layer_test(
        lambda: FoldedMmoe(2, 3, (5, 4), 3, 0.1),
        _mix,
        [ITEMS, USER],
        shape=(B, N, 2),
        parameters=(3 + 1 + 2) * 15
        + (3 + 1 + 2) * 6
        + 3 * (5 * 4 + 4)
        + 2 * (4 * 3 + 3)
        + 2 * (3 + 1),
    )


def test_folded_mmoe_equals_the_unfolded_one() -> None:
    layer = FoldedMmoe(2, 3, (5, 4), 3)
    experts = 3
    tasks = 2
    _mix(layer, ITEMS, USER)
    randomise(layer)
    expected = np.zeros((B, N, tasks))
    for b, n, t in np.ndindex(B, N, tasks):
        x = np.concatenate([USER[b], ITEMS[b, n]])
        first = np.maximum(_unfolded(layer.first, x), 0)
        gates = _unfolded(layer.gate, x)
        outputs = []
        for expert, hidden in enumerate(np.split(first, experts)):
            outputs.append(np.maximum(reference.dense(layer.second[expert], hidden), 0))
        mixed = reference.softmax(gates[t * experts : (t + 1) * experts]) @ np.stack(outputs)
        expected[b, n, t] = reference.dense(
            layer.logit[t], np.maximum(reference.dense(layer.hidden[t], mixed), 0)
        )[0]
    np.testing.assert_allclose(_mix(layer, ITEMS, USER), expected, atol=1e-5)


def _unfolded(layer: FoldedDense, x: np.ndarray) -> np.ndarray:
    return (
        x @ np.concatenate([layer.of_user.kernel, layer.of_item.kernel])
        + layer.of_user.bias.numpy()
    )


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: FoldedMmoe(0), "tasks=0, experts=4"),
        (lambda: FoldedMmoe(1, 0), "tasks=1, experts=0"),
    ],
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
