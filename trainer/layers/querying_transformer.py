"""Querying Transformer: learnable tokens that carry the encoder's knowledge into the ranker."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.layers.add_attended import AddAttended
from trainer.layers.attention import attend
from trainer.layers.row_dense import RowDense


@keras.utils.register_keras_serializable(package="srp4ctr")
class QueryingTransformer(keras.layers.Layer):
    """The Querying Transformer (QT; SRP4CTR, section 3.4).

    Query tokens, shifted by user and context features, attend to the encoder's output.

    Args:
        tokens: Query tokens Q.
        dim: Width D of tokens and encoder.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward network.
        dropout: Rate, on sublayer outputs.

    Example:
        >>> layer = QueryingTransformer(tokens=3, dim=8, heads=2, feedforward=16)
        >>> layer(tf.zeros([2, 5, 8]), tf.ones([2, 5], tf.bool), user=tf.zeros([2, 6])).shape
        TensorShape([2, 3, 8])
    """

    def __init__(
        self,
        tokens: int,
        dim: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if tokens < 1 or dim % heads:
            raise ValueError(
                "tokens must be positive and heads divide dim. "
                f"Received: tokens={tokens}, dim={dim}, heads={heads}"
            )
        self.tokens = tokens
        self.dim = dim
        self.heads = heads
        self.feedforward = feedforward
        self.dropout = dropout

    def build(self, input_shape: tf.TensorShape) -> None:
        # Wide enough for tokens to differ: equal ones would attend alike, and learn alike.
        initializer = keras.initializers.TruncatedNormal(stddev=0.5)
        self.start = self.add_weight("start", (self.tokens, self.dim), initializer=initializer)
        self.shift = RowDense(self.tokens * self.dim, name="shift")
        self.query = RowDense(self.dim, name="query")
        self.key = RowDense(self.dim, name="key")
        self.value = RowDense(self.dim, name="value")
        self.add_attended = AddAttended(
            self.dim, self.feedforward, self.dropout, name="add_attended"
        )
        super().build(input_shape)

    def call(
        self, encoded: tf.Tensor, mask: tf.Tensor, user: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Queries the encoder's output.

        Args:
            encoded: [B, L, D].
            mask: Boolean [B, L].
            user: User and context features [B, U], which initialise the queries.
            training: Whether dropout is on.

        Returns:
            [B, Q, D].
        """
        shift = tf.reshape(self.shift(user), [-1, self.tokens, self.dim])
        tokens = tf.cast(self.start, shift.dtype)[None] + shift
        attended = attend(
            self.query(tokens), self.key(encoded), self.value(encoded), mask, self.heads
        )
        return self.add_attended(tokens, attended, training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tokens": self.tokens,
            "dim": self.dim,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
        }
