"""One layer of FG-BERT, which hands out the keys and values that candidates attend to."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.layers.add_attended import AddAttended
from trainer.layers.attention import attend
from trainer.layers.row_dense import RowDense


class KeysValues(NamedTuple):
    """What a layer offers to attend to: keys [B, L, D] and values [B, L, D]."""

    keys: tf.Tensor
    values: tf.Tensor


@keras.utils.register_keras_serializable(package="srp4ctr")
class EncoderLayer(keras.layers.Layer):
    """A bidirectional, post-norm Transformer layer that shares its keys and values with UCA.

    Args:
        dim: Width D.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward network.
        dropout: Rate, on sublayer outputs.
        activation: Of the feed-forward network, by the name Keras gives it.

    Attributes:
        output_is_used: Whether anything reads the output, and not the keys and values alone. If
            not, what makes the output doesn't learn. It is to be set before the layer is built.

    Example:
        >>> layer = EncoderLayer(dim=8, heads=2, feedforward=32)
        >>> output, offered = layer(tf.zeros([2, 5, 8]), tf.ones([2, 5], tf.bool))
        >>> output.shape, offered.keys.shape
        (TensorShape([2, 5, 8]), TensorShape([2, 5, 8]))
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        activation: str = "gelu",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dim % heads:
            raise ValueError(f"heads must divide dim. Received: dim={dim}, heads={heads}")
        self.dim = dim
        self.heads = heads
        self.feedforward = feedforward
        self.dropout = dropout
        self.activation = activation
        self.output_is_used = True

    def build(self, input_shape: tf.TensorShape) -> None:
        self.query = RowDense(self.dim, name="query")
        self.key = RowDense(self.dim, name="key")
        self.value = RowDense(self.dim, name="value")
        self.add_attended = AddAttended(
            self.dim, self.feedforward, self.dropout, self.activation, name="add_attended"
        )
        self.query.trainable = self.output_is_used
        self.add_attended.trainable = self.output_is_used
        super().build(input_shape)

    def call(
        self, x: tf.Tensor, mask: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, KeysValues]:
        """Encodes a sequence.

        Args:
            x: [B, L, D].
            mask: Which positions are real, boolean [B, L].
            training: Whether dropout is on.

        Returns:
            The output [B, L, D], and the keys and values that it was computed with.
        """
        offered = KeysValues(self.key(x), self.value(x))
        attended = attend(self.query(x), offered.keys, offered.values, mask, self.heads)
        return self.add_attended(x, attended, training=training), offered

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
            "activation": self.activation,
        }
