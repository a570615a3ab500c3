"""The mean over real positions."""

from __future__ import annotations

import tensorflow as tf


def masked_mean(vectors: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean over the real positions; zeros where there are none.

    Args:
        vectors: [..., L, D].
        mask: Which positions are real, boolean [..., L].

    Returns:
        [..., D].

    Example:
        >>> vectors = tf.constant([[[1.0], [3.0], [100.0]]])
        >>> masked_mean(vectors, tf.constant([[True, True, False]])).numpy()
        array([[2.]], dtype=float32)
    """
    real = tf.cast(mask, vectors.dtype)[..., None]
    return tf.math.divide_no_nan(tf.reduce_sum(vectors * real, -2), tf.reduce_sum(real, -2))
