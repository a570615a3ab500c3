"""DIN + MMoE as the textbook writes it, nothing folded: costs are compared with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.models.din_config import DinConfig
from trainer.models.ranker import Features, Logits, Ranker


class UnfoldedDinState(NamedTuple):
    """The embeddings and nothing else, see UserState.

    Attributes:
        user: User and context features, [B, U].
        history: Embedded behaviours, [B, L, D].
        match: See UserState.
        mask: See UserState.
    """

    user: tf.Tensor
    history: tf.Tensor
    match: tf.Tensor | tuple[()]
    mask: tf.Tensor


class UnfoldedDin(Ranker[UnfoldedDinState]):
    """The functions that Din can compute, in their usual form.

    DIN's attention unit (arXiv 1706.06978, section 4.3) runs over [k, q, k - q, k * q] of every
    pair, MMoE's experts and gates over [user; candidate; interest] of every candidate.
    """

    def __init__(
        self, fields: Fields, config: DinConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        dense = keras.layers.Dense
        first, second = config.attention_units
        self.unit = [
            dense(first, "sigmoid", name="unit_0"),
            dense(second, "sigmoid", name="unit_1"),
        ]
        self.weight = dense(1, name="weight")
        first, second = config.expert_units
        self.experts = []
        for e in range(config.experts):
            hidden = dense(first, "relu", name=f"expert_{e}_0")
            self.experts.append([hidden, dense(second, "relu", name=f"expert_{e}_1")])
        self.gates = []
        self.hidden = []
        self.logit = []
        for task in fields.tasks:
            self.gates.append(dense(config.experts, "softmax", name=f"gate_{task}"))
            self.hidden.append(dense(config.tower_units, "relu", name=f"hidden_{task}"))
            self.logit.append(dense(1, name=f"logit_{task}"))

    def encode_user(self, features: Features, training: bool | None = None) -> UnfoldedDinState:
        """See Ranker."""
        user = self.drop(self.embed.user(features), training=training)
        return UnfoldedDinState(
            self.with_user_numbers(user, features),
            self.embed.history(features),
            self.match_state(features),
            features["history_item_id"] > 0,
        )

    def score_items(
        self, state: UnfoldedDinState, features: Features, training: bool | None = None
    ) -> Logits:
        """See Ranker."""
        candidates = self.embed.candidates(features)
        items = tf.concat([candidates, self._interest(candidates, state)], -1)
        user = tf.repeat(state.user[:, None], tf.shape(items)[1], axis=1)
        items = self.with_numbers(self.drop(items, training=training), state, features)
        x = tf.concat([user, items], -1)
        outputs = tf.stack([second(first(x)) for first, second in self.experts], 2)  # [B, N, E, H2]
        logits = []
        for gate, hidden, logit in zip(self.gates, self.hidden, self.logit, strict=True):
            mixed = tf.matmul(gate(x)[:, :, None], outputs)[:, :, 0]
            logits.append(logit(hidden(self.drop(mixed, training=training))))
        return self.by_task(tf.concat(logits, -1), state, features)

    def _interest(self, candidates: tf.Tensor, state: UnfoldedDinState) -> tf.Tensor:
        """The sum of behaviours, weighed anew for each candidate: [B, N, D]."""
        queries = self.embed.as_behavior(candidates)
        history = state.history
        q = tf.repeat(queries[:, :, None], tf.shape(history)[1], axis=2)
        k = tf.repeat(history[:, None], tf.shape(queries)[1], axis=1)
        hidden = tf.concat([k, q, k - q, k * q], -1)  # [B, N, L, 4 D]
        for layer in self.unit:
            hidden = layer(hidden)
        weights = self.weight(hidden)[..., 0] * tf.cast(state.mask, history.dtype)[:, None]
        return tf.matmul(weights, history)
