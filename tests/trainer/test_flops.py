"""The counter against products counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf
import tf_keras as keras

from trainer.flops import count_flops


def _count(function: Any, *shapes: tuple[int | None, ...]) -> int:
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return count_flops(tf.function(function, autograph=False).get_concrete_function(*specs)).flops


@pytest.mark.parametrize(
    ("function", "shapes", "flops"),
    [
        pytest.param(lambda a, b: tf.matmul(a, b), [(3, 4), (4, 5)], 2 * 3 * 4 * 5, id="product"),
        pytest.param(
            lambda a, b: tf.matmul(a, b, transpose_a=True),
            [(4, 3), (4, 5)],
            2 * 3 * 4 * 5,
            id="transposed product",
        ),
        pytest.param(
            lambda a, b: tf.matmul(a, b),
            [(2, 3, 4), (2, 4, 5)],
            2 * 2 * 3 * 4 * 5,
            id="batch of products",
        ),
        pytest.param(
            lambda a, b: tf.matmul(a, b),
            [(2, 1, 3, 4), (2, 7, 4, 5)],
            2 * 2 * 7 * 3 * 4 * 5,
            id="broadcast batch",
        ),
        pytest.param(
            lambda a, b: tf.tensordot(a, b, 1),
            [(2, 3, 4), (4, 5)],
            2 * 2 * 3 * 4 * 5,
            id="tensordot",
        ),
        pytest.param(lambda a, b: a * b + a, [(3, 4), (3, 4)], 2 * 3 * 4, id="elementwise"),
    ],
)
def test_products_are_counted_right(function: Any, shapes: Any, flops: int) -> None:
    assert _count(function, *shapes) == flops


def test_a_layer_of_rank_three_counts_product_and_bias() -> None:
    layer = keras.layers.Dense(5)
    layer.build((2, 3, 4))
    assert _count(layer, (2, 3, 4)) == 2 * 2 * 3 * 4 * 5 + 2 * 3 * 5


def test_activations_are_told_apart_from_what_is_counted() -> None:
    function = tf.function(tf.sigmoid, autograph=False).get_concrete_function(
        tf.TensorSpec((3, 4), tf.float32)
    )
    count = count_flops(function)
    assert (count.flops, count.uncounted) == (0, 12)


@pytest.mark.parametrize(
    ("function", "shapes", "named"),
    [
        (lambda a, b: tf.einsum("ij,jk->ik", a, b), [(3, 4), (4, 5)], "Einsum"),
        (lambda a, b: tf.matmul(a, b), [(None, 4), (4, 5)], "MatMul"),
    ],
)
def test_what_cannot_be_counted_is_refused(function: Any, shapes: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        _count(function, *shapes)
