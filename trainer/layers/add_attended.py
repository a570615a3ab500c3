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
    """h = LN(x + drop(W_o a)), y = LN(h + drop(FFN(h))): what every attention layer here does with its result a.

    Args:
        dim: Width D.
        feedforward: Hidden width of the FFN.
        dropout: Rate, on W_o a and on the FFN's output.
        activation: Of the FFN's hidden layer, by the name Keras gives it.
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
                f"dim and feedforward must be positive. Received: dim={dim}, feedforward={feedforward}"
            )
        self.dim, self.feedforward, self.dropout, self.activation = (
            dim,
            feedforward,
            dropout,
            activation,
        )

    def build(self, input_shape: Any) -> None:
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
        hidden = self.attention_norm(
            tf.add_n([x, projected])
        )  # no broadcast: seven operations fewer a gradient
        expanded = self.contract(self.expand(hidden))
        return self.feedforward_norm(tf.add_n([hidden, self.drop(expanded, training=training)]))

    def get_config(self) -> dict[str, Any]:
        own = {"dim": self.dim, "feedforward": self.feedforward, "dropout": self.dropout}
        return {**super().get_config(), **own, "activation": self.activation}
