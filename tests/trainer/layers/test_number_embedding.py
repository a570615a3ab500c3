"""An embedding along a direction."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.layers.harness import randomise, run_layer_test
from tests.trainer.layers.inputs import D
from trainer.layers.number_embedding import NumberEmbedding


def test_harness() -> None:
    run_layer_test(
        lambda: NumberEmbedding(D),
        lambda layer, numbers: layer(numbers),
        [np.array([[1.0, -2.0, 0.0]], np.float32)],
        shape=(1, 3, D),
        parameters=D,
    )


def test_it_is_as_many_times_the_direction() -> None:
    layer = NumberEmbedding(3)
    layer(tf.constant([0.0]))
    randomise(layer)
    w = layer.direction.numpy()
    np.testing.assert_allclose(
        layer(tf.constant([[2.0, -0.5], [0.0, 1.0]])), [[2 * w, -w / 2], [0 * w, w]], rtol=1e-6
    )


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: dim=0"):
        NumberEmbedding(0)
