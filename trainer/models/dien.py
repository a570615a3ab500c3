"""Deep Interest Evolution Network.

One GRU extracts interests, another one follows their evolution towards each candidate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.attention import masked_softmax
from trainer.layers.augru import Augru
from trainer.models.baseline import Baseline, BaselineState
from trainer.models.dien_config import DienConfig
from trainer.models.ranker import Features
from trainer.step_seed import step_seed

_SHIFT = 1  # its key among the draws of a step


class DienState(NamedTuple):
    """DIEN's own part of the user state.

    Attributes:
        keys: Interests projected to what candidates are multiplied by, [B, L, H].
        terms: The evolution's input terms of the interests, [B, L, 3 H].
    """

    keys: tf.Tensor
    terms: tf.Tensor


class Dien(Baseline):
    """DIEN (Zhou et al., arXiv 1809.03672, section "Deep Interest Evolution Network").

    The interest extractor, a GRU with the auxiliary loss, is the user's; the AUGRU runs along the
    history once per candidate. Both hidden states are as wide as an item's embedding, with which
    the auxiliary loss compares them. The paper's negatives are items that were not clicked; here
    they are another request's behaviours, from the batch.
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
    ) -> tuple[DienState, tf.Tensor]:
        interests = self.extractor(self.extractor.input_terms(history))
        if training:
            items = history[..., : self.embed.item_width]
            mask = features["history_item_id"] > 0
            negatives, known = other_behaviors(items, mask)
            loss = auxiliary_loss(interests, items, negatives, mask & known)
            self.add_loss(self.auxiliary_weight * loss)
        return DienState(self.attention(interests), self.evolution.input_terms(interests)), user

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        own: DienState = state.own
        logits = tf.cast(tf.matmul(candidates, own.keys, transpose_b=True), tf.float32)
        weights = tf.cast(masked_softmax(logits, state.mask[:, None]), candidates.dtype)
        return tf.concat([candidates, self.evolution(own.terms, weights)], -1)


def auxiliary_loss(
    interests: tf.Tensor, items: tf.Tensor, negatives: tf.Tensor, mask: tf.Tensor
) -> tf.Tensor:
    """The paper's L_aux: interest t is to tell behaviour t + 1 from another one.

    It is the mean over pairs of a behaviour and the one after it.

    Args:
        interests: Hidden states [B, L, H].
        items: Embedded items of the behaviours [B, L, H].
        negatives: Embedded items to tell them from [B, L, H].
        mask: Which of `items` are real and have a negative, boolean [B, L].
    """
    real = tf.cast(mask[:, 1:], tf.float32)
    right = tf.reduce_sum(interests[:, :-1] * items[:, 1:], -1)
    wrong = tf.reduce_sum(interests[:, :-1] * negatives[:, 1:], -1)
    # -log sigmoid(x) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
    loss = tf.nn.softplus(-tf.cast(right, tf.float32)) + tf.nn.softplus(tf.cast(wrong, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(loss * real), tf.reduce_sum(real))


def other_behaviors(items: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Each row's behaviours become those of another row of the batch.

    Args:
        items: Embedded items of the behaviours [B, L, H].
        mask: Which are real, boolean [B, L].

    Returns:
        The others' [B, L, H], and which of them are real, boolean [B, L]. None is where the batch
        has a single row, which has no other.
    """
    # By at least one row and less than all: no row keeps its own, unless it is alone.
    rows = tf.shape(items)[0]
    most = tf.maximum(rows, 2)
    shift = tf.random.stateless_uniform([], step_seed(_SHIFT), 1, most, tf.int32, alg="philox")
    return tf.roll(items, shift, axis=0), tf.roll(mask, shift, axis=0) & (rows > 1)
