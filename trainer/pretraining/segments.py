"""Segments of histories, for S3-Rec's segment prediction."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from trainer.step_seed import step_seed, step_uniform


def random_segments(real: tf.Tensor) -> tf.Tensor:
    """A run of behaviours of random place and length in each row.

    It has at most half of the row's behaviours; rows with fewer than two behaviours have none.

    Args:
        real: Boolean [B, L]; the real behaviours come first.

    Returns:
        Which positions are in it, boolean [B, L].
    """
    length = tf.reduce_sum(tf.cast(real, tf.float32), 1)
    share, place = tf.unstack(step_uniform([2, tf.shape(real)[0]], step_seed(3)))
    size = tf.minimum(1 + tf.floor(share * tf.floor(length / 2)), tf.floor(length / 2))
    start = tf.floor(place * (length - size + 1))
    position = tf.range(tf.shape(real)[1], dtype=tf.float32)[None]
    return (position >= start[:, None]) & (position < (start + size)[:, None])


def keep_cells(features: Mapping[str, tf.Tensor], cells: tf.Tensor) -> dict[str, tf.Tensor]:
    """`features`, [B, L] or [B, L, V] each, with all other cells made padding."""
    kept = tf.cast(cells, tf.int64)
    shown = {}
    for name, values in features.items():
        shown[name] = values * (kept[..., None] if values.shape.rank == 3 else kept)
    return shown


def last_real(vectors: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """The vector at the last real position, [B, L, D] -> [B, D]; the first one where none is."""
    position = tf.range(tf.shape(real)[1])[None] * tf.cast(real, tf.int32)
    return tf.gather(vectors, tf.reduce_max(position, 1), batch_dims=1)
