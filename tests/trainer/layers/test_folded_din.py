"""DIN's attention, folded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import CANDIDATES, HISTORY, MASK, B, D, N, random
from trainer.layers.folded_din import FoldedDin


def _attend_as_din(layer: Any, candidates: Any, history: Any, mask: Any) -> Any:
    return layer(candidates, layer.user_state(history), mask)


def test_harness() -> None:
    run_layer_test(
        lambda: FoldedDin((6, 5)),
        _attend_as_din,
        [CANDIDATES, HISTORY, MASK],
        shape=(B, N, D),
        parameters=(D * 6 + 6) + D * 6 + D * 6 + (6 * 5 + 5) + (5 + 1),
    )


def test_folded_din_equals_the_unfolded_attention_unit() -> None:
    layer = FoldedDin((6, 5))
    _attend_as_din(layer, CANDIDATES, HISTORY, MASK)
    randomise(layer)
    of_k, of_q, of_difference, of_product = (random(D, 6, seed=seed) for seed in range(4))
    layer.key_kernel.assign(of_k + of_difference)
    layer.query_kernel.assign(of_q - of_difference)
    layer.pair_kernel.assign(of_product)
    kernel = np.concatenate([of_k, of_q, of_difference, of_product])
    expected = np.zeros((B, N, D))
    for b, n, cell in np.argwhere(np.repeat(MASK[:, None], N, 1)):
        k = HISTORY[b, cell]
        q = CANDIDATES[b, n]
        first = reference.sigmoid(
            np.concatenate([k, q, k - q, k * q]) @ kernel + layer.first_bias.numpy()
        )
        second = reference.sigmoid(first @ layer.hidden_kernel.numpy() + layer.hidden_bias.numpy())
        expected[b, n] += (second @ layer.score_kernel.numpy() + layer.score_bias.numpy()) * k
    np.testing.assert_allclose(
        _attend_as_din(layer, CANDIDATES, HISTORY, MASK), expected, atol=1e-5
    )


@pytest.mark.parametrize(
    ("make", "received"),
    [(lambda: FoldedDin((80, 40, 20)), r"units=\(80, 40, 20\)")],  # type: ignore[arg-type]  # that is the mistake
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
