"""Behavior Sequence Transformer: the candidate is one more element of the encoded sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.encoder_layer import EncoderLayer
from trainer.models.baseline import Baseline, BaselineState
from trainer.models.bst_config import BstConfig
from trainer.models.ranker import Features


class BstState(NamedTuple):
    """BST's own part of the user state: embedded behaviours with their positions, [B, L, D]."""

    history: tf.Tensor


class Bst(Baseline):
    """BST (Chen et al., arXiv 1905.06874, section 2).

    It is a post-norm Transformer over the behaviours and the candidate, which comes last.

    The behaviours see the candidate, so nothing but their embeddings can be shared: the state is
    the history with its positions, and the Transformer is paid for once per candidate. Positions
    count back from the candidate's, 0. Of the outputs, which the paper concatenates at a fixed
    length, the head gets the candidate's and the behaviours' mean.
    """

    def __init__(
        self, fields: Fields, config: BstConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        size = config.bst
        width = self.embed.history_width
        self.position = keras.layers.Embedding(fields.history_length + 1, width, name="position")
        stack = []
        for i in range(size.layers):
            layer = EncoderLayer(
                width, size.heads, size.feedforward, size.dropout, "leaky_relu", name=f"layer_{i}"
            )
            stack.append(layer)
        self.stack = stack

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[BstState, tf.Tensor]:
        real = tf.cast(features["history_item_id"] > 0, tf.int64)
        back = tf.cumsum(real, axis=1, exclusive=True, reverse=True) + 1
        position = self.position(tf.minimum(back, self.fields.history_length))
        return BstState(history + position), user

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        own: BstState = state.own
        # The candidate's position is 0.
        last = self.embed.as_behavior(candidates) + self.position(tf.zeros((1, 1), tf.int64))
        x, mask = _with_candidate(own.history, last, state.mask)
        for layer in self.stack:
            x, _ = layer(x, mask, training=training)
        real = tf.cast(state.mask, x.dtype)
        x = tf.reshape(x, tf.concat([tf.shape(candidates)[:2], tf.shape(x)[1:]], 0))
        # A mean by a matrix product: the masked outputs [B, N, L, D] are never written down.
        pooled = tf.matmul(x[:, :, :-1], real[:, None, :, None], transpose_a=True)[..., 0]
        mean = tf.math.divide_no_nan(pooled, tf.reduce_sum(real, 1)[:, None, None])
        return tf.concat([candidates, x[:, :, -1], mean], -1)


def _with_candidate(
    history: tf.Tensor, candidates: tf.Tensor, mask: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts each candidate after its user's history.

    Args:
        history: [B, L, D].
        candidates: [B, N, D].
        mask: Which behaviours are real, [B, L].

    Returns:
        The sequences [B * N, L + 1, D], and their mask.
    """
    batch, count = tf.unstack(tf.shape(candidates)[:2])
    last = tf.reshape(candidates, [batch * count, 1, candidates.shape[-1]])
    sequences = tf.concat([tf.repeat(history, count, 0), last], 1)
    masks = tf.pad(tf.repeat(mask, count, 0), [[0, 0], [0, 1]], constant_values=True)
    return sequences, masks
