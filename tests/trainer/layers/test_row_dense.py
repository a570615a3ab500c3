"""The dense layer along the last axis."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.trainer.layers.harness import run_layer_test
from tests.trainer.layers.inputs import HISTORY, B, D, L, random
from trainer.layers.row_dense import RowDense


def test_harness() -> None:
    run_layer_test(
        lambda: RowDense(3, "relu"), lambda layer, x: layer(x), [HISTORY], (B, L, 3), D * 3 + 3
    )


@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4), (2, 3, 5, 4), (0, 5, 4)])
def test_equals_the_dense_layer_of_keras(shape: tuple[int, ...]) -> None:
    x = random(*shape)
    layer = RowDense(3, "tanh", bias_initializer="ones")
    plain = keras.layers.Dense(3, "tanh")
    layer(x), plain(x)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), plain(x), atol=1e-6)


def test_unknown_sizes_stay_unknown_and_are_filled_in() -> None:
    layer = RowDense(3)
    function = tf.function(layer, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, 4])
    )
    assert function.output_shapes.as_list() == [None, None, 3]
    assert function(tf.constant(random(2, 5, 4))).shape == (2, 5, 3)
