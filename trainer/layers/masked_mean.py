"""The mean over real positions."""

from __future__ import annotations

import tensorflow as tf


def masked_mean(vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean over the positions that `mask` [B, L] has, [B, L, D] -> [B, D]; zeros where there are none."""
    real = tf.cast(mask, vectors.dtype)[..., None]
    return tf.math.divide_no_nan(tf.reduce_sum(vectors * real, 1), tf.reduce_sum(real, 1))
