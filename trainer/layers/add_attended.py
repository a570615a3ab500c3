"""The residual half of a Transformer layer that follows attention."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.layers.dropout import Dropout
from trainer.layers.layer_norm import LayerNorm
from trainer.layers.row_dense import RowDense


@keras.utils.register_keras_serializable(package="srp4ctr")
class AddAttended(keras.layers.Layer):
    """Projection, residual connections, norms and feed-forward network after attention.

    With the input x and its attention result a:

        h = LN(x + drop(W_o a))
        y = LN(h + drop(FFN(h)))

    Args:
        dim: Width D.
        feedforward: Hidden width of the FFN.
        dropout: Rate, on W_o a and on the FFN's output.
        activation: Of the FFN's hidden layer, by the name Keras gives it.

    Example:
        >>> layer = AddAttended(dim=8, feedforward=32)
        >>> layer(tf.zeros([2, 5, 8]), tf.zeros([2, 5, 8])).shape
        TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        dim: int,
        feedforward: int,
        dropout: float = 0.0,
        activation: str = "gelu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dim < 1 or feedforward < 1:
            raise ValueError(
                "dim and feedforward must be positive. "
                f"Received: dim={dim}, feedforward={feedforward}"
            )
        self.dim = dim
        self.feedforward = feedforward
        self.dropout = dropout
        self.activation = activation

    def build(self, input_shape: tf.TensorShape) -> None:
        self.output_projection = RowDense(self.dim, name="output")
        self.attention_norm = LayerNorm(epsilon=1e-6, name="attention_norm")
        self.expand = RowDense(self.feedforward, activation=self.activation, name="expand")
        self.contract = RowDense(self.dim, name="contract")
        self.feedforward_norm = LayerNorm(epsilon=1e-6, name="feedforward_norm")
        self.drop = Dropout(self.dropout)
        super().build(input_shape)

    def call(self, x: tf.Tensor, attended: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Combines x [B, M, D] with its attention result [B, M, D]."""
        projected = self.drop(self.output_projection(attended), training=training)
        # add_n doesn't broadcast, which saves the gradient seven operations against x + projected.
        hidden = self.attention_norm(tf.add_n([x, projected]))
        expanded = self.contract(self.expand(hidden))
        return self.feedforward_norm(tf.add_n([hidden, self.drop(expanded, training=training)]))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
            "activation": self.activation,
        }
