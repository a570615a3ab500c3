"""One layer of FG-BERT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainer.layers import reference
from tests.trainer.layers.harness import KEY_BIASES, randomise, run_layer_test
from tests.trainer.layers.inputs import HISTORY, MASK, B, D, L
from trainer.layers.encoder_layer import EncoderLayer


def test_harness() -> None:
    run_layer_test(
        lambda: EncoderLayer(D, 2, 8, 0.1),
        lambda layer, x, mask: layer(x, mask)[0],
        [HISTORY, MASK],
        shape=(B, L, D),
        parameters=3 * 20 + 112,
        without_gradient=KEY_BIASES,
    )


def test_encoder_layer_reference_and_the_keys_and_values_it_offers() -> None:
    layer = EncoderLayer(D, 2, 8)
    layer(HISTORY, MASK)
    randomise(layer)
    output, offered = layer(HISTORY, MASK)
    np.testing.assert_allclose(output, reference.encoder_layer(layer, HISTORY, MASK), atol=1e-5)
    np.testing.assert_allclose(offered.keys, reference.dense(layer.key, HISTORY), atol=1e-6)
    np.testing.assert_allclose(offered.values, reference.dense(layer.value, HISTORY), atol=1e-6)


@pytest.mark.parametrize(("make", "received"), [(lambda: EncoderLayer(4, 3, 8), "dim=4, heads=3")])
def test_impossible_sizes_are_refused(make: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make()
