"""Multi-head attention of queries over keys and values that were projected before, possibly in another graph."""

from __future__ import annotations

import tensorflow as tf


def masked_softmax(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis of [...] logits, where the broadcast boolean mask is true; all-false gives zeros."""
    logits = tf.cast(logits, tf.float32)
    weight = tf.cast(mask, tf.float32)
    peak = tf.reduce_max(tf.where(mask, logits, logits.dtype.min), -1, keepdims=True)
    exponentials = tf.exp(tf.minimum(logits - tf.stop_gradient(peak), 0.0)) * weight
    return tf.math.divide_no_nan(exponentials, tf.reduce_sum(exponentials, -1, keepdims=True))


def attend(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor, heads: int) -> tf.Tensor:
    """Scaled dot-product attention.

    Args:
        queries: [B, M, D].
        keys: [B, L, D].
        values: [B, L, D].
        mask: Boolean [B, L]; false positions are never attended to. With none left the result is zero.
        heads: Number of heads; divides D.

    Returns:
        [B, M, D].
    """
    q, k, v = (_split_heads(x, heads) for x in (queries, keys, values))
    scale = tf.cast(q.shape[-1], q.dtype) ** -0.5
    weights = masked_softmax(tf.matmul(q * scale, k, transpose_b=True), mask[:, None, None, :])
    mixed = tf.matmul(tf.cast(weights, v.dtype), v)  # [B, heads, M, D / heads]
    merged = tf.transpose(mixed, (0, 2, 1, 3))
    return tf.reshape(merged, tf.concat([tf.shape(merged)[:2], [queries.shape[-1]]], 0))


def _split_heads(x: tf.Tensor, heads: int) -> tf.Tensor:
    shape = tf.shape(x)
    split = tf.reshape(x, [shape[0], shape[1], heads, x.shape[-1] // heads])
    return tf.transpose(split, (0, 2, 1, 3))
