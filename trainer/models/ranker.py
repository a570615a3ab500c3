"""What every ranker is: two functions, and the loss that trains their composition."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

Features = Mapping[str, tf.Tensor]
UserState = Any  # a nested structure of tensors, batch first
Logits = dict[str, tf.Tensor]


class Ranker(keras.Model, abc.ABC):
    """A click-through-rate model as `encode_user` and `score_items`; nothing else may know more about it.

    Every tensor of a user state has the batch first. Tensors of rank 3 run along the history, [B, L, *]; those of
    rank 2 are one vector a user; `mask` [B, L] says which positions are real.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mean_loss = keras.metrics.Mean(name="loss")

    @abc.abstractmethod
    def encode_user(self, features: Features, training: bool | None = None) -> UserState:
        """All that can be computed without a candidate, from user, context and history indices."""

    @abc.abstractmethod
    def score_items(self, state: UserState, features: Features, training: bool | None = None) -> Logits:
        """A logit [B, N] for each task, from candidate indices [B, N] (or [B, N, V])."""

    def call(self, features: Features, training: bool | None = None) -> Logits:
        """The composition: a whole forward pass."""
        return self.score_items(self.encode_user(features, training=training), features, training=training)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> tf.Tensor:
        """Mean cross-entropy over real candidates, summed over tasks; `sample_weight[task]` [B, N] is 0 on padding."""
        loss = tf.add_n([_mean_cross_entropy(y[task], logits, sample_weight[task]) for task, logits in y_pred.items()])
        self.mean_loss.update_state(loss)
        return loss + tf.add_n(self.losses) if self.losses else loss


def _mean_cross_entropy(labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels, tf.float32), tf.cast(logits, tf.float32))
    return tf.math.divide_no_nan(tf.reduce_sum(entropy * weights), tf.reduce_sum(weights))
