"""Uni Cross-Attention: candidates attend to the pre-trained encoder, one way only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.layers.add_attended import AddAttended
from trainer.layers.attention import attend, attention_weights
from trainer.layers.encoder_layer import EncoderLayer, KeysValues
from trainer.layers.row_dense import RowDense


@keras.utils.register_keras_serializable(package="srp4ctr")
class UniCrossAttention(keras.layers.Layer):
    """Uni Cross-Attention (UCA; SRP4CTR, section 3.3).

    For each encoder layer l in turn, the candidate's vector c becomes

        c <- FFN_l(c, attend(Q_l c, K_l, V_l))

    K_l and V_l are the encoder's own, computed once per user; behaviours never see the candidate.
    Queries, output projections, feed-forward networks and norms belong to UCA.

    Args:
        layers: Encoder layers to attend to.
        dim: Width D.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward networks.
        dropout: Rate, on sublayer outputs.

    Example:
        >>> layer = UniCrossAttention(layers=1, dim=8, heads=2, feedforward=16)
        >>> of_encoder = [KeysValues(tf.zeros([2, 5, 8]), tf.zeros([2, 5, 8]))]
        >>> layer(tf.zeros([2, 7, 8]), of_encoder, tf.ones([2, 5], tf.bool)).shape
        TensorShape([2, 7, 8])
    """

    def __init__(
        self,
        layers: int,
        dim: int,
        heads: int,
        feedforward: int,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if dim % heads:
            raise ValueError(f"heads must divide dim. Received: dim={dim}, heads={heads}")
        self.layers = layers
        self.dim = dim
        self.heads = heads
        self.feedforward = feedforward
        self.dropout = dropout

    def build(self, input_shape: tf.TensorShape) -> None:
        self.queries = []
        self.add_attended = []
        for i in range(self.layers):
            self.queries.append(RowDense(self.dim, name=f"query_{i}"))
            block = AddAttended(self.dim, self.feedforward, self.dropout, name=f"add_attended_{i}")
            self.add_attended.append(block)
        super().build(input_shape)

    def call(
        self,
        candidates: tf.Tensor,
        offered: Sequence[KeysValues],
        mask: tf.Tensor,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Lets candidates attend to the behaviours.

        Args:
            candidates: As wide as the encoder's vectors, [B, N, D].
            offered: The keys and values of each encoder layer.
            mask: Which behaviours are real, boolean [B, L].
            training: Whether dropout is on.

        Returns:
            [B, N, D].
        """
        for query, add_attended, (keys, values) in zip(
            self.queries, self.add_attended, offered, strict=True
        ):
            attended = attend(query(candidates), keys, values, mask, self.heads)
            candidates = add_attended(candidates, attended, training=training)
        return candidates

    def attention(
        self, candidates: tf.Tensor, offered: Sequence[KeysValues], mask: tf.Tensor
    ) -> tf.Tensor:
        """How much candidates attend to each behaviour: [B, layers, heads, N, L].

        Its arguments are those of `call`. Over real behaviours the weights sum to 1.
        They are computed a second time, so that `call` need not keep them.
        """
        of_layers = []
        for query, add_attended, (keys, values) in zip(
            self.queries, self.add_attended, offered, strict=True
        ):
            queries = query(candidates)
            of_layers.append(attention_weights(queries, keys, mask, self.heads))
            candidates = add_attended(candidates, attend(queries, keys, values, mask, self.heads))
        return tf.stack(of_layers, 1)

    def start_from(self, encoder_layers: Sequence[EncoderLayer]) -> None:
        """Copies from built encoder layers all that UCA has a counterpart of.

        These are queries, output projections, feed-forward networks and norms.
        """
        for query, add_attended, layer in zip(
            self.queries, self.add_attended, encoder_layers, strict=True
        ):
            # Keys and values need no copy: they come from these very layers.
            query.set_weights(layer.query.get_weights())
            add_attended.set_weights(layer.add_attended.get_weights())

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": self.layers,
            "dim": self.dim,
            "heads": self.heads,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
        }
