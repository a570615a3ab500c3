"""The mean of a history's vectors."""

from __future__ import annotations

import tensorflow as tf


def history_mean(vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean over real positions, [B, L, D] by `mask` [B, L] -> [B, D]; zeros for empty histories."""
    real = tf.cast(mask, vectors.dtype)[..., None]
    return tf.math.divide_no_nan(tf.reduce_sum(vectors * real, 1), tf.reduce_sum(real, 1))
