"""Variables of every kind that an optimizer meets, and their gradients at each step."""

from __future__ import annotations

import tensorflow as tf


def make_variables() -> list[tf.Variable]:
    """A scalar, a vector, a matrix, a small table, and two large ones of which one has dense
    gradients."""
    shapes: list[list[int]] = [[], [3], [2, 3], [5, 2], [9, 2], [8, 1]]
    variables: list[tf.Variable] = []
    for n, shape in enumerate(shapes):
        variables.append(tf.Variable(tf.random.stateless_normal(shape, [7, n])))
    return variables


def gradients(step: tf.Tensor) -> list[tf.Tensor | tf.IndexedSlices]:
    """Those of a step: tables' rows are named several times, in any order, and others at each
    step."""

    def normal(shape: list[int], number: int) -> tf.Tensor:
        return tf.random.stateless_normal(shape, tf.stack([step, number]))

    def sparse(rows: int, number: int) -> tf.IndexedSlices:
        indices = tf.random.stateless_uniform([6], tf.stack([step, number]), 0, rows - 1, tf.int32)
        return tf.IndexedSlices(normal([6, 2], number), indices, tf.constant([rows, 2]))

    dense = [normal([], 1), normal([3], 2), normal([2, 3], 3)]
    return [*dense, sparse(5, 4), sparse(9, 5), normal([8, 1], 6)]
