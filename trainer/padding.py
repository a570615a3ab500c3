"""Which lengths a served ranker computes with: few, because TensorFlow's oneDNN kernels are made anew for each shape.

Made kernels are kept, a thousand of each kind: with any length of history and any number of candidates they would be
thrown away and made again all the time, which takes longer than the computation.
"""

from __future__ import annotations

import tensorflow as tf

HISTORY_BLOCK = 32
CANDIDATE_BLOCK = 8


def history_columns(longest: tf.Tensor, most: int) -> tf.Tensor:
    """The next multiple of 32, at most `most`, of the longest history's length, a scalar; at least 1."""
    return tf.minimum(_next_multiple(tf.maximum(longest, 1), HISTORY_BLOCK), most)


def candidate_columns(count: tf.Tensor) -> tf.Tensor:
    """The next multiple of 8 of the number of candidates, a scalar."""
    return _next_multiple(count, CANDIDATE_BLOCK)


def pad_columns(values: tf.Tensor, columns: int | tf.Tensor) -> tf.Tensor:
    """Pads the second axis of [B, N, ...] with zeros to at least `columns`."""
    missing = tf.maximum(columns - tf.shape(values)[1], 0)
    return tf.pad(values, [[0, 0], [0, missing]] + [[0, 0]] * (values.shape.rank - 2))


def _next_multiple(number: tf.Tensor, block: int) -> tf.Tensor:
    return -(-number // block) * block
