"""DIN + MMoE as the textbook writes it, nothing folded: what costs and speeds are compared with."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.models.din_config import DinConfig
from trainer.models.ranker import Features, Logits, Ranker, UserState


class UnfoldedDin(Ranker):
    """The functions that Din can compute, in their usual form.

    DIN's attention unit (arXiv 1706.06978, section 4.3) runs over [k, q, k - q, k * q] of every
    pair, MMoE's experts and gates over [user; candidate; interest] of every candidate. The user
    state is the embeddings and nothing else.
    """

    def __init__(
        self, fields: Fields, config: DinConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        dense = keras.layers.Dense
        self.unit = [
            dense(units, "sigmoid", name=f"unit_{i}")
            for i, units in enumerate(config.attention_units)
        ]
        self.weight = dense(1, name="weight")
        self.experts = [
            [
                dense(units, "relu", name=f"expert_{e}_{i}")
                for i, units in enumerate(config.expert_units)
            ]
            for e in range(config.experts)
        ]
        self.gates = [
            dense(config.experts, "softmax", name=f"gate_{task}") for task in fields.tasks
        ]
        self.hidden = [
            dense(config.tower_units, "relu", name=f"hidden_{task}") for task in fields.tasks
        ]
        self.logit = [dense(1, name=f"logit_{task}") for task in fields.tasks]

    def encode_user(self, features: Features, training: bool | None = None) -> UserState:
        """See Ranker."""
        user = self.with_user_numbers(
            self.drop(self.embed.user(features), training=training), features
        )
        state = {
            "mask": features["history_item_id"] > 0,
            "history": self.embed.history(features),
            "user": user,
        }
        return state | self.match_state(features)

    def score_items(
        self, state: UserState, features: Features, training: bool | None = None
    ) -> Logits:
        """See Ranker."""
        candidates = self.embed.candidates(features)
        items = tf.concat([candidates, self._interest(candidates, state)], -1)
        user = tf.repeat(state["user"][:, None], tf.shape(items)[1], axis=1)
        x = tf.concat(
            [user, self.with_numbers(self.drop(items, training=training), state, features)], -1
        )
        outputs = tf.stack([second(first(x)) for first, second in self.experts], 2)  # [B, N, E, H2]
        logits = []
        for gate, hidden, logit in zip(self.gates, self.hidden, self.logit, strict=True):
            mixed = tf.matmul(gate(x)[:, :, None], outputs)[:, :, 0]
            logits.append(logit(hidden(self.drop(mixed, training=training))))
        return self.by_task(tf.concat(logits, -1))

    def _interest(self, candidates: tf.Tensor, state: UserState) -> tf.Tensor:
        """The sum of behaviours, weighed anew for each candidate: [B, N, D]."""
        queries, history = self.embed.as_behavior(candidates), state["history"]
        q = tf.repeat(queries[:, :, None], tf.shape(history)[1], axis=2)
        k = tf.repeat(history[:, None], tf.shape(queries)[1], axis=1)
        hidden = tf.concat([k, q, k - q, k * q], -1)  # [B, N, L, 4 D]
        for layer in self.unit:
            hidden = layer(hidden)
        weights = self.weight(hidden)[..., 0] * tf.cast(state["mask"], history.dtype)[:, None]
        return tf.matmul(weights, history)
