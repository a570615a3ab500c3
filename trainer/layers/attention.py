"""Multi-head attention over keys and values that are already projected.

The projections are apart because keys and values may come from another graph: from a user's state.
"""

from __future__ import annotations

import tensorflow as tf

_NEVER = -1e9  # added to a logit: its exponential beside any other is 0


def attend(
    queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor, heads: int
) -> tf.Tensor:
    """Scaled dot-product attention.

    Args:
        queries: [B, M, D].
        keys: [B, L, D].
        values: [B, L, D].
        mask: Boolean [B, L]; false positions are never attended to. With none left the result is
            zero.
        heads: Number of heads; divides D.

    Returns:
        [B, M, D].

    Example:
        >>> queries, keys, values = tf.ones([1, 1, 4]), tf.ones([1, 2, 4]), tf.ones([1, 2, 4])
        >>> attend(queries, keys, values, tf.constant([[True, False]]), heads=2).numpy()
        array([[[1., 1., 1., 1.]]], dtype=float32)
    """
    weights = _weights(queries, keys, mask, heads)
    v = _split_heads(values, heads)
    attended = tf.matmul(tf.cast(weights, v.dtype), v)
    return tf.concat(tf.split(attended, heads, 0), -1)


def attention_weights(
    queries: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor, heads: int
) -> tf.Tensor:
    """What `attend` weighs values by, for people to look at: [B, heads, M, L]."""
    weights = _weights(queries, keys, mask, heads)
    return tf.stack(tf.split(weights, heads, 0), 1)


def _weights(queries: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor, heads: int) -> tf.Tensor:
    """Attention weights, [heads * B, M, L]."""
    scale = tf.cast(queries.shape[-1] // heads, queries.dtype) ** -0.5
    q = _split_heads(queries * scale, heads)
    k = _split_heads(keys, heads)
    # In float32 whatever the layers compute in: float16 holds neither _NEVER nor a fine softmax.
    logits = tf.cast(tf.matmul(q, k, transpose_b=True), tf.float32)
    return masked_softmax(logits, tf.tile(mask, [heads, 1])[:, None, :])


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis, of the positions that the mask has; zeros where it has none.

    Args:
        logits: float32 [..., M, L].
        mask: Boolean [..., 1, L].

    Returns:
        float32 [..., M, L].
    """
    weights = tf.nn.softmax(logits + tf.where(mask, 0.0, _NEVER))
    return weights * tf.cast(tf.reduce_any(mask, -1, keepdims=True), weights.dtype)


def _split_heads(x: tf.Tensor, heads: int) -> tf.Tensor:
    """[B, M, D] -> [heads * B, M, D / heads].

    By two copies: the usual transposition would cost more than the matrix products themselves.
    """
    return tf.concat(tf.split(x, heads, -1), 0)
