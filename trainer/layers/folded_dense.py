"""A dense layer over [user part; item part] whose user part is computed once per user."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.layers.row_dense import RowDense


@keras.utils.register_keras_serializable(package="srp4ctr")
class FoldedDense(keras.layers.Layer):
    """A dense layer that is exactly folded: W [u; c] + b = (W_u u + b) + W_c c.

    `user_term(u)` belongs in the user state; `call(user_term, c)` adds the candidate's share.

    Args:
        units: Output width.

    Example:
        >>> layer = FoldedDense(units=4)
        >>> user_term = layer.user_term(tf.zeros([2, 3]))
        >>> layer(user_term, tf.zeros([2, 7, 5])).shape
        TensorShape([2, 7, 4])
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units = units
        self.of_user = RowDense(units, name="of_user")
        # The bias is in the user's term; a second one would be the same weight twice.
        self.of_item = RowDense(units, use_bias=False, name="of_item")

    def user_term(self, user: tf.Tensor) -> tf.Tensor:
        """W_u u + b: [B, U] -> [B, units]."""
        return self.of_user(user)

    def call(self, user_term: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Adds W_c c for items [B, N, C] to the user term [B, units]: [B, N, units]."""
        return user_term[:, None, :] + self.of_item(items)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
