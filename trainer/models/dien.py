"""Deep Interest Evolution Network: interests extracted by a GRU, their evolution towards each candidate by another."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.attention import masked_softmax
from trainer.layers.augru import Augru
from trainer.models.baseline import Baseline
from trainer.models.dien_config import DienConfig
from trainer.models.ranker import Features, UserState
from trainer.step_seed import step_seed

_SHIFT = 1  # its key among the draws of a step


class Dien(Baseline):
    """DIEN (Zhou et al., arXiv 1809.03672, section "Deep Interest Evolution Network").

    The interest extractor, a GRU with the auxiliary loss, is the user's; the AUGRU runs along the
    history once a candidate. Both hidden states are as wide as an item's embedding, with which the
    auxiliary loss compares them. The paper's negatives are items that were not clicked; here they
    are another request's behaviours, from the batch.
    """

    def __init__(
        self, fields: Fields, config: DienConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.auxiliary_weight = config.dien.auxiliary_weight
        self.extractor = Augru(self.embed.item_width, name="extractor")
        self.attention = keras.layers.Dense(self.embed.item_width, use_bias=False, name="attention")
        self.evolution = Augru(self.embed.item_width, name="evolution")

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[dict[str, Any], tf.Tensor]:
        interests = self.extractor(self.extractor.input_terms(history))
        if training:
            items = history[..., : self.embed.item_width]
            mask = features["history_item_id"] > 0
            loss = auxiliary_loss(interests, items, other_behaviors(items), mask)
            self.add_loss(self.auxiliary_weight * loss)
        return {
            "keys": self.attention(interests),
            "terms": self.evolution.input_terms(interests),
        }, user

    def _match(
        self, candidates: tf.Tensor, state: UserState, features: Features, training: bool | None
    ) -> tf.Tensor:
        logits = tf.cast(tf.matmul(candidates, state["keys"], transpose_b=True), tf.float32)
        weights = tf.cast(masked_softmax(logits, state["mask"][:, None]), candidates.dtype)
        return tf.concat([candidates, self.evolution(state["terms"], weights)], -1)


def auxiliary_loss(
    interests: tf.Tensor, items: tf.Tensor, negatives: tf.Tensor, mask: tf.Tensor
) -> tf.Tensor:
    """The paper's L_aux: interest t tells behaviour t + 1 from another one; the mean over real pairs of behaviours.

    Args:
        interests: Hidden states [B, L, H].
        items: Embedded items of the behaviours [B, L, H].
        negatives: Embedded items to tell them from [B, L, H].
        mask: Boolean [B, L].
    """
    real = tf.cast(mask[:, 1:], tf.float32)
    told = [tf.reduce_sum(interests[:, :-1] * x[:, 1:], -1) for x in (items, negatives)]
    loss = tf.nn.softplus(-tf.cast(told[0], tf.float32)) + tf.nn.softplus(
        tf.cast(told[1], tf.float32)
    )
    return tf.math.divide_no_nan(tf.reduce_sum(loss * real), tf.reduce_sum(real))


def other_behaviors(items: tf.Tensor) -> tf.Tensor:
    """The behaviours [B, L, H] of another row of the batch, the same for all of a row's; padding is zero."""
    most = tf.maximum(tf.shape(items)[0], 2)
    shift = tf.random.stateless_uniform([], step_seed(_SHIFT), 1, most, tf.int32, alg="philox")
    return tf.roll(items, shift, axis=0)
