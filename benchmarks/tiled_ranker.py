"""What the served ranker is measured against: itself, encoding the user for every candidate."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.models.ranker import Features, Logits, Ranker

State = dict[str, tf.Tensor]


class TiledRanker(Ranker[Any]):
    """A ranker that makes a request of each candidate, with all the user's features.

    Args:
        ranker: The ranker, whose scores these are.
    """

    def __init__(self, ranker: Ranker, **kwargs: Any) -> None:
        super().__init__(ranker.fields, ranker.config, ranker.encoder_config, **kwargs)
        self.ranker = ranker

    def encode_user(self, features: Features, training: bool | None = None) -> State:
        """Only keeps the features."""
        return dict(features)

    def score_items(self, state: State, features: Features, training: bool | None = None) -> Logits:
        """Scores each candidate by itself: [B, N] become [B * N, 1], and the user is repeated."""
        shape = tf.shape(features["candidate_item_id"])
        user: State = {}
        for name, values in state.items():
            user[name] = tf.repeat(values, shape[1], axis=0)
        single: dict[str, tf.Tensor] = {}
        for name, values in features.items():
            of_a_value = tf.shape(values)[2:]
            single[name] = tf.reshape(values, tf.concat([[-1, 1], of_a_value], 0))
        logits = self.ranker.score_items(self.ranker.encode_user(user), single)
        return {task: tf.reshape(logit, shape) for task, logit in logits.items()}
