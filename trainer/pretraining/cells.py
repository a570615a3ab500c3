"""The hidden cells of a batch, one after another."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Cells(NamedTuple):
    """Places in a batch of histories, as what `gather` takes.

    Attributes:
        index: Of each cell, [M]: its row times L plus its column.
        weight: 1 for a hidden cell, 0 for one that fills up, float32 [M].
    """

    index: tf.Tensor
    weight: tf.Tensor

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """The cells' share of values [B, L, ...]: [M, ...]."""
        return tf.gather(tf.reshape(values, [-1, *values.shape[2:]]), self.index)


def hidden_cells(mask: tf.Tensor, share: float, count_by_shape: bool) -> Cells:
    """The cells that `mask` [B, L] hides, in order.

    Args:
        mask: Which cells `mask_history` hid.
        share: The share of a history that it hides.
        count_by_shape: Whether there are as many cells as could ever be hidden in a batch of this
            shape, others among them that weigh nothing. A step that XLA compiles needs to know
            their number before it starts.
    """
    hidden = tf.reshape(mask, [-1])
    if not count_by_shape:
        index = tf.where(hidden)[:, 0]
        return Cells(index, tf.ones_like(index, tf.float32))
    rows, columns = tf.unstack(tf.shape(mask))
    # One more than the share of a row, rounded down: counts are rounded at random.
    most_in_row = tf.cast(tf.cast(columns, tf.float32) * share, tf.int32) + 1
    most = rows * tf.minimum(most_in_row, columns)
    index = tf.argsort(tf.cast(~hidden, tf.int32), stable=True)[:most]
    return Cells(index, tf.cast(tf.gather(hidden, index), tf.float32))
