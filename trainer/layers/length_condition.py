"""What attention to a history is told of the history's length."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.layers.row_dense import RowDense

_HIDDEN = 16


class Condition(NamedTuple):
    """How attention differs by a history's length, [B, 1, D] each.

    Attributes:
        scale: Multiplies the queries: an inverse temperature for each dimension.
        shift: Is added to them.
        gate: Multiplies what was attended.
    """

    scale: tf.Tensor
    shift: tf.Tensor
    gate: tf.Tensor


@keras.utils.register_keras_serializable(package="srp4ctr")
class LengthCondition(keras.layers.Layer):
    """Conditions attention on the number of behaviours, after LAIN (arXiv 2601.19142, section 3).

    A few behaviours deserve other attention than a hundred: softer, and with less weight beside the
    candidate itself. Before training no length makes a difference.

    Args:
        dim: Width D of queries and values.

    Example:
        >>> condition = LengthCondition(dim=4)(tf.constant([[True, True, False]]))
        >>> condition.scale.shape, condition.gate.numpy().tolist()
        (TensorShape([1, 1, 4]), [[[1.0, 1.0, 1.0, 1.0]]])
    """

    def __init__(self, dim: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.dim = dim

    def build(self, input_shape: tf.TensorShape) -> None:
        self.hidden = RowDense(_HIDDEN, activation="gelu", name="hidden")
        # From zeros: each length starts with the same attention.
        self.changes = RowDense(3 * self.dim, kernel_initializer="zeros", name="changes")
        super().build(input_shape)

    def call(self, mask: tf.Tensor) -> Condition:
        """The condition of each user by which behaviours are real, boolean [B, L]."""
        count = tf.reduce_sum(tf.cast(mask, self.compute_dtype), -1, keepdims=True)
        is_empty = tf.cast(tf.equal(count, 0), self.compute_dtype)
        # The logarithm of a thousand behaviours is about 7: both inputs stay around 1.
        length = tf.concat([tf.math.log1p(count) / 7, is_empty], -1)
        changes = self.changes(self.hidden(length))[:, None, :]
        scale, shift, gate = tf.split(changes, 3, -1)
        return Condition(1 + scale, shift, 1 + gate)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "dim": self.dim}
