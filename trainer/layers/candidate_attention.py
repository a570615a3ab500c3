"""Attention among the candidates of a request."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.layers.encoder_layer import EncoderLayer
from trainer.layers.row_dense import RowDense


@keras.utils.register_keras_serializable(package="srp4ctr")
class CandidateAttention(keras.layers.Layer):
    """A self-attention block of SetRank (Pang et al., SIGIR 2020, section 4.3).

    Candidates are first made `dim` wide. There are no positions: candidates in another order have
    the same outputs in that order.

    Args:
        dim: Width D of the output.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward network.
        dropout: Rate, on sublayer outputs.

    Example:
        >>> layer = CandidateAttention(dim=8, heads=2, feedforward=16)
        >>> layer(tf.zeros([2, 3, 5]), tf.ones([2, 3], tf.bool)).shape
        TensorShape([2, 3, 8])
    """

    def __init__(
        self, dim: int, heads: int, feedforward: int, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.heads = heads
        self.feedforward = feedforward
        self.dropout = dropout
        self.narrow = RowDense(dim, name="narrow")
        self.block = EncoderLayer(dim, heads, feedforward, dropout, name="block")

    def call(
        self, candidates: tf.Tensor, mask: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Lets candidates attend to the real ones among them.

        Args:
            candidates: [B, N, C].
            mask: Which candidates are real, boolean [B, N].
            training: Whether dropout is on.

        Returns:
            [B, N, D].
        """
        attended, _ = self.block(self.narrow(candidates), mask, training=training)
        return attended

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dim": self.dim,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
        }
