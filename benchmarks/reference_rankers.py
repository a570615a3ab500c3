"""What the served ranker is measured against: the same ranker without the split, and a plain DIN + MMoE."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.config import RankerConfig
from trainer.fields import Field, Fields
from trainer.layers.field_embedding import FieldEmbedding
from trainer.models.ranker import Features, Logits, Ranker, UserState


class TiledRanker(Ranker):
    """A ranker that encodes the user again for every candidate: what serving does without split signatures.

    Args:
        ranker: The ranker, whose scores these are.
    """

    def __init__(self, ranker: Ranker, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ranker = ranker

    def encode_user(self, features: Features, training: bool | None = None) -> UserState:
        """Only keeps the features."""
        return dict(features)

    def score_items(self, state: UserState, features: Features, training: bool | None = None) -> Logits:
        """Makes a request of each candidate: [B, N] become [B * N, 1], with the user's features repeated."""
        shape = tf.shape(features["candidate_item_id"])
        user = {name: tf.repeat(x, shape[1], axis=0) for name, x in state.items()}
        single = {name: tf.reshape(x, tf.concat([[-1, 1], tf.shape(x)[2:]], 0)) for name, x in features.items()}
        logits = self.ranker.score_items(self.ranker.encode_user(user), single)
        return {task: tf.reshape(logit, shape) for task, logit in logits.items()}


class PlainDinMmoe(Ranker):
    """DIN (arXiv 1706.06978) + MMoE (KDD 2018) as their papers have them: nothing is split or folded.

    The attention unit sees [k, q, k - q, k * q] of every pair, and every expert and gate [user; candidate; interest].

    Args:
        fields: The data set's fields.
        config: Sizes; what it says of the encoder goes unused.
    """

    def __init__(self, fields: Fields, config: RankerConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields, self.config = fields, config
        self.embeddings = {
            name: FieldEmbedding(field.size, config.embedding_dim, field.multivalent, name=f"embed_{name}")
            for name, field in {_table(field): field for field in fields.all}.items()
        }
        self.unit = [keras.layers.Dense(units, "sigmoid") for units in config.attention_units]
        self.weight = keras.layers.Dense(1)
        self.experts = [
            keras.Sequential([keras.layers.Dense(units, "relu") for units in config.expert_units])
            for _ in range(config.experts)
        ]
        self.gates = [keras.layers.Dense(config.experts, "softmax") for _ in fields.tasks]
        self.towers = [
            keras.Sequential([keras.layers.Dense(config.tower_units, "relu"), keras.layers.Dense(1)])
            for _ in fields.tasks
        ]

    def encode_user(self, features: Features, training: bool | None = None) -> UserState:
        """Embeds the user's side."""
        user = self._concat([*self.fields.of("user"), *self.fields.of("context")], features)
        history = self._concat(self.fields.of("history"), features)
        return {"user": user, "history": history, "mask": features["history_item_id"] > 0}

    def score_items(self, state: UserState, features: Features, training: bool | None = None) -> Logits:
        """Scores every pair on its own."""
        candidates = self._concat(self.fields.of("candidate"), features)
        count = tf.shape(candidates)[1]
        interest = self._interest(candidates, state["history"], state["mask"])
        x = tf.concat([tf.repeat(state["user"][:, None], count, axis=1), candidates, interest], -1)
        experts = tf.stack([expert(x) for expert in self.experts], 2)
        mixed = [tf.reduce_sum(gate(x)[..., None] * experts, 2) for gate in self.gates]
        return {
            task: tower(mix)[..., 0] for task, tower, mix in zip(self.fields.tasks, self.towers, mixed, strict=True)
        }

    def _interest(self, candidates: tf.Tensor, history: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        count, length = tf.shape(candidates)[1], tf.shape(history)[1]
        missing = history.shape[-1] - candidates.shape[-1]  # of the behaviour, which is not known yet
        queries = tf.repeat(tf.pad(candidates, [[0, 0], [0, 0], [0, missing]])[:, :, None], length, axis=2)
        keys = tf.repeat(history[:, None], count, axis=1)
        x = tf.concat([keys, queries, keys - queries, keys * queries], -1)  # [B, N, L, 4 * D]
        for layer in self.unit:
            x = layer(x)
        weights = self.weight(x)[..., 0] * tf.cast(mask, x.dtype)[:, None]
        return tf.matmul(weights, history)

    def _concat(self, fields: list[Field], features: Features) -> tf.Tensor:
        return tf.concat([self.embeddings[_table(field)](features[field.name]) for field in fields], -1)


def _table(field: Field) -> str:
    side = field.feature.side
    return f"{side}_{field.field}" if side in ("user", "context") else field.field
