"""The Querying Transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import KEY_BIASES, randomise, run_layer_test
from tests.trainer.layers.inputs import HISTORY, MASK, USER, B, D
from trainer.layers.querying_transformer import QueryingTransformer


def test_harness() -> None:
    run_layer_test(
        lambda: QueryingTransformer(3, D, 2, 8, 0.1),
        lambda layer, encoded, mask, user: layer(encoded, mask, user),
        [HISTORY, MASK, USER],
        shape=(B, 3, D),
        parameters=3 * D + (3 * 3 * D + 3 * D) + 3 * 20 + 112,
        without_gradient=KEY_BIASES,
    )


def test_querying_transformer_reference() -> None:
    layer = QueryingTransformer(3, D, 2, 8)
    layer(HISTORY, MASK, USER)
    randomise(layer)
    tokens = layer.start.numpy() + reference.dense(layer.shift, USER).reshape(B, 3, D)
    keys = reference.dense(layer.key, HISTORY)
    values = reference.dense(layer.value, HISTORY)
    attended = reference.attention(reference.dense(layer.query, tokens), keys, values, MASK, 2)
    expected = reference.add_attended(layer.add_attended, tokens, attended)
    np.testing.assert_allclose(layer(HISTORY, MASK, USER), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: QueryingTransformer(0, 4, 2, 8), "tokens=0, dim=4, heads=2"),
        (lambda: QueryingTransformer(2, 4, 3, 8), "tokens=2, dim=4, heads=3"),
    ],
)
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
