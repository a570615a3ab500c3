"""Multi-head attention of queries over keys and values that were projected before, possibly in another graph."""

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
    """
    weights, v = _weights(queries, keys, mask, heads), _split_heads(values, heads)
    return tf.concat(tf.split(tf.matmul(tf.cast(weights, v.dtype), v), heads, 0), -1)


def attention_weights(
    queries: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor, heads: int
) -> tf.Tensor:
    """What `attend` weighs values by, for people to look at: [B, heads, M, L], of the same arguments."""
    return tf.stack(tf.split(_weights(queries, keys, mask, heads), heads, 0), 1)


def _weights(queries: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor, heads: int) -> tf.Tensor:
    """[heads * B, M, L]."""
    scale = tf.cast(queries.shape[-1] // heads, queries.dtype) ** -0.5
    q, k = (_split_heads(x, heads) for x in (queries * scale, keys))
    logits = tf.cast(tf.matmul(q, k, transpose_b=True), tf.float32)
    return masked_softmax(logits, tf.tile(mask, [heads, 1])[:, None, :])


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis of float32 [...] logits, where the mask [..., 1, L] is true; all-false gives zeros."""
    weights = tf.nn.softmax(logits + tf.where(mask, 0.0, _NEVER))
    return weights * tf.cast(tf.reduce_any(mask, -1, keepdims=True), weights.dtype)


def _split_heads(x: tf.Tensor, heads: int) -> tf.Tensor:
    """[B, M, D] -> [heads * B, M, D / heads]: two copies, where a transposition costs more than the products."""
    return tf.concat(tf.split(x, heads, -1), 0)
