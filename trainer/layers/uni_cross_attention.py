"""Uni Cross-Attention: candidates attend to the pre-trained encoder, one way only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.layers.add_attended import AddAttended
from trainer.layers.attention import attend, attention_weights
from trainer.layers.encoder_layer import EncoderLayer, KeysValues
from trainer.layers.length_condition import LengthCondition
from trainer.layers.row_dense import RowDense


class _Asked(NamedTuple):
    """What attends to what in a layer; `gate` multiplies what was attended, if it isn't None."""

    queries: tf.Tensor
    keys: tf.Tensor
    values: tf.Tensor
    mask: tf.Tensor
    gate: tf.Tensor | None


@keras.utils.register_keras_serializable(package="srp4ctr")
class UniCrossAttention(keras.layers.Layer):
    """Uni Cross-Attention (UCA; SRP4CTR, section 3.3).

    For each encoder layer l in turn, the candidate's vector c becomes

        c <- FFN_l(c, attend(Q_l c, K_l, V_l))

    K_l and V_l are the encoder's own, computed once per user; behaviours never see the candidate.
    Queries, output projections, feed-forward networks and norms belong to UCA.

    With `length_aware` each layer also knows how long the history is (LengthCondition), and every
    history begins with a learned behaviour of nobody. Candidates attend to it alone where a user
    has no history, and may attend to it where nothing in the history concerns them.

    Args:
        layers: Encoder layers to attend to.
        dim: Width D.
        heads: Attention heads; divides `dim`.
        feedforward: Hidden width of the feed-forward networks.
        dropout: Rate, on sublayer outputs.
        length_aware: Whether attention differs by the history's length.

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
        length_aware: bool = False,
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
        self.length_aware = length_aware

    def build(self, input_shape: tf.TensorShape) -> None:
        self.queries = []
        self.add_attended = []
        self.conditions = []
        self.of_nobody = []
        for i in range(self.layers):
            self.queries.append(RowDense(self.dim, name=f"query_{i}"))
            block = AddAttended(self.dim, self.feedforward, self.dropout, name=f"add_attended_{i}")
            self.add_attended.append(block)
            if self.length_aware:
                self.conditions.append(LengthCondition(self.dim, name=f"condition_{i}"))
                # A key and a value.
                nobody = self.add_weight(f"of_nobody_{i}", (2, self.dim), initializer="zeros")
                self.of_nobody.append(nobody)
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
        for i, of_encoder in enumerate(offered):
            attended = self._attend(self._ask(i, candidates, of_encoder, mask))
            candidates = self.add_attended[i](candidates, attended, training=training)
        return candidates

    def _ask(
        self, i: int, candidates: tf.Tensor, of_encoder: KeysValues, mask: tf.Tensor
    ) -> _Asked:
        """What attends to what in layer i."""
        queries = self.queries[i](candidates)
        keys, values = of_encoder
        if not self.length_aware:
            return _Asked(queries, keys, values, mask, None)
        condition = self.conditions[i](mask)
        queries = queries * condition.scale + condition.shift
        nobody = tf.cast(self.of_nobody[i], keys.dtype)
        return _Asked(
            queries,
            _after(nobody[0], keys),
            _after(nobody[1], values),
            tf.pad(mask, [[0, 0], [1, 0]], constant_values=True),
            condition.gate,
        )

    def _attend(self, asked: _Asked) -> tf.Tensor:
        attended = attend(asked.queries, asked.keys, asked.values, asked.mask, self.heads)
        return attended if asked.gate is None else attended * asked.gate

    def attention(
        self, candidates: tf.Tensor, offered: Sequence[KeysValues], mask: tf.Tensor
    ) -> tf.Tensor:
        """How much candidates attend to each behaviour: [B, layers, heads, N, L].

        Its arguments are those of `call`. Over real behaviours the weights sum to 1; with
        `length_aware` they sum to less, for the rest goes to the behaviour of nobody. They are
        computed a second time, so that `call` need not keep them.
        """
        of_layers = []
        for i, of_encoder in enumerate(offered):
            asked = self._ask(i, candidates, of_encoder, mask)
            weights = attention_weights(asked.queries, asked.keys, asked.mask, self.heads)
            of_layers.append(weights[..., 1:] if self.length_aware else weights)
            candidates = self.add_attended[i](candidates, self._attend(asked))
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
            "length_aware": self.length_aware,
        }


def _after(first: tf.Tensor, behaviors: tf.Tensor) -> tf.Tensor:
    """Behaviours [B, L, D] with one [D] put before each user's: [B, 1 + L, D]."""
    repeated = tf.repeat(first[None, None], tf.shape(behaviors)[0], axis=0)
    return tf.concat([repeated, behaviors], 1)
