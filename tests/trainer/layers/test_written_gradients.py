"""Layers whose gradients are written out: values and gradients are those of TensorFlow's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.trainer.layers.harness import randomise
from trainer.layers.dropout import Dropout
from trainer.layers.gelu import gelu
from trainer.layers.layer_norm import LayerNorm
from trainer.layers.row_dense import RowDense
from trainer.step_seed import at_step, step_seed

X = tf.random.stateless_normal([3, 4, 8], [1, 2])


def _assert_same(
    one: Callable[[], tf.Tensor], other: Callable[[], tf.Tensor], watched: list[tf.Variable]
) -> None:
    results = []
    for function in (one, other):
        with tf.GradientTape() as tape:
            tape.watch([X, *watched])
            output = function()
            loss = tf.reduce_sum(tf.sin(output))
        results.append([output, *tape.gradient(loss, [X, *watched])])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_layer_norm_trains_as_keras_does() -> None:
    layer = LayerNorm(epsilon=1e-6)
    layer(X)
    randomise(layer)
    _assert_same(
        lambda: layer(X, training=True), lambda: layer(X, training=False), layer.trainable_weights
    )


def test_layer_norm_of_bfloat16_computes_in_float32() -> None:
    layer = LayerNorm(epsilon=1e-6, dtype="mixed_bfloat16")
    x = tf.cast(X * 100, tf.bfloat16)
    assert layer(x, training=True).dtype == tf.bfloat16
    expected = LayerNorm(epsilon=1e-6)(tf.cast(x, tf.float32))
    np.testing.assert_allclose(tf.cast(layer(x, training=True), tf.float32), expected, atol=0.02)


def test_gelu_is_tensorflow_s() -> None:
    _assert_same(lambda: gelu(X), lambda: tf.nn.gelu(X), [])


def test_a_dense_layer_with_gelu_trains_as_keras_does() -> None:
    layer = RowDense(5, activation="gelu")
    layer(X)
    randomise(layer)
    _assert_same(
        lambda: layer(X, training=True), lambda: layer(X, training=False), layer.trainable_weights
    )


def test_dropout_is_tensorflow_s_for_the_same_seed() -> None:
    layer = Dropout(0.4)
    with at_step(tf.constant(3)):
        seed = step_seed(layer._key)
        theirs = lambda: tf.nn.experimental.stateless_dropout(X, 0.4, seed, rng_alg="auto_select")  # noqa: E731
        _assert_same(lambda: layer(X, training=True), theirs, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", [LayerNorm(epsilon=1e-6), RowDense(8, activation="gelu"), Dropout(0.2)]
)
def test_the_gradient_takes_a_few_operations(layer: keras.layers.Layer) -> None:
    layer(X)

    def gradients(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            with at_step(tf.constant(1)):
                output = layer(x, training=True)
        return tuple(tape.gradient(output, [x, *layer.trainable_weights]))

    graph = tf.function(gradients).get_concrete_function(tf.TensorSpec([None, None, 8])).graph
    free = ("Const", "Placeholder", "NoOp", "Identity", "ReadVariableOp")
    assert sum(op.type not in free for op in graph.get_operations()) < 55
