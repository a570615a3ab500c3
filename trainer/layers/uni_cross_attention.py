"""Uni Cross-Attention: candidates attend to the pre-trained encoder, layer by layer and one way only."""

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
    """UCA (SRP4CTR, section 3.3): for each encoder layer l, c <- FFN_l(c, attend(Q_l c, K_l, V_l)).

    K_l and V_l are the encoder's own, computed once a user; behaviours never see the candidate.
    Queries, output projections, feed-forward networks and norms belong to UCA.

    Args:
        layers: Encoder layers to attend to.
        dim: Width D.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward networks.
        dropout: Rate, on sublayer outputs.
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
        self.layers, self.dim, self.heads = layers, dim, heads
        self.feedforward, self.dropout = feedforward, dropout

    def build(self, input_shape: Any) -> None:
        self.queries = [RowDense(self.dim, name=f"query_{i}") for i in range(self.layers)]
        self.add_attended = [
            AddAttended(self.dim, self.feedforward, self.dropout, name=f"add_attended_{i}")
            for i in range(self.layers)
        ]
        super().build(input_shape)

    def call(
        self,
        candidates: tf.Tensor,
        offered: Sequence[KeysValues],
        mask: tf.Tensor,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Lets candidates [B, N, D] attend to each layer's keys and values under the mask [B, L]: [B, N, D]."""
        for query, add_attended, (keys, values) in zip(
            self.queries, self.add_attended, offered, strict=True
        ):
            attended = attend(query(candidates), keys, values, mask, self.heads)
            candidates = add_attended(candidates, attended, training=training)
        return candidates

    def attention(
        self, candidates: tf.Tensor, offered: Sequence[KeysValues], mask: tf.Tensor
    ) -> tf.Tensor:
        """How much candidates attend to each behaviour, of the same arguments: [B, layers, heads, N, L].

        Over real behaviours they sum to 1. They are computed a second time, so that `call` need not
        keep them.
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
        """Copies queries, output projections, feed-forward networks and norms from built encoder layers."""
        for query, add_attended, layer in zip(
            self.queries, self.add_attended, encoder_layers, strict=True
        ):
            query.set_weights(layer.query.get_weights())
            add_attended.set_weights(layer.add_attended.get_weights())

    def get_config(self) -> dict[str, Any]:
        own = {"layers": self.layers, "dim": self.dim, "heads": self.heads}
        return {
            **super().get_config(),
            **own,
            "feedforward": self.feedforward,
            "dropout": self.dropout,
        }
