"""What every ranker is: two functions, and the loss that trains their composition."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.global_mean import global_mean, replicas
from trainer.layers.dropout import Dropout
from trainer.layers.feature_embeddings import FeatureEmbeddings
from trainer.layers.folded_mmoe import FoldedMmoe
from trainer.layers.match_counts import MatchCounts
from trainer.layers.numbers import Numbers
from trainer.models.fg_bert import FGBert
from trainer.ranker_config import RankerConfig
from trainer.step_model import StepModel

Features = Mapping[str, tf.Tensor]
UserState = Any  # a nested structure of tensors, batch first
Logits = dict[str, tf.Tensor]


class Ranker(StepModel, abc.ABC):
    """A click-through-rate model as `encode_user` and `score_items`; nothing else may know more about it.

    Every tensor of a user state has the batch first. Tensors of rank 3 run along the history, [B,
    L, *]; those of rank 2 are one vector a user; `mask` [B, L] says which positions are real. int32
    is kept exactly in every precision.

    Args:
        fields: The data set's fields.
        config: The ranker's size and which parts are on.
        encoder_config: The size of the pre-trained encoder, for rankers that have one, and of other
            layers that attend.
    """

    def __init__(
        self, fields: Fields, config: RankerConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fields, self.config, self.encoder_config = fields, config, encoder_config
        self.embed = FeatureEmbeddings(fields, config.embedding_dim, name="embed")
        self.user_numbers = Numbers(
            [*fields.of("user"), *fields.of("context")], name="user_numbers"
        )
        self.candidate_numbers = Numbers(fields.of("candidate"), name="candidate_numbers")
        self.match: MatchCounts | None = None
        if config.match and fields.matches:
            self.match = MatchCounts(fields.matches, name="match")
        self.drop = Dropout(config.dropout)
        self.encoder: FGBert | None = None  # what pre-training can be loaded into
        self.mean_loss = keras.metrics.Mean(name="loss")

    @abc.abstractmethod
    def encode_user(self, features: Features, training: bool | None = None) -> UserState:
        """All that can be computed without a candidate, from user, context and history indices."""

    @abc.abstractmethod
    def score_items(
        self, state: UserState, features: Features, training: bool | None = None
    ) -> Logits:
        """A logit [B, N] for each task, from candidate indices [B, N] (or [B, N, V])."""

    def attention_weights(self, state: UserState, features: Features) -> tf.Tensor | None:
        """How much each candidate attends to each behaviour of the encoder's, [B, layers, heads, N, L], to look at.

        None where candidates don't attend to an encoder.
        """
        return None

    def call(self, features: Features, training: bool | None = None) -> Logits:
        """The composition: a whole forward pass."""
        return self.score_items(
            self.encode_user(features, training=training), features, training=training
        )

    def start_from_encoder(self) -> None:
        """Copies to other parts what they start from, once the encoder has its pre-trained weights."""

    def match_state(self, features: Features) -> dict[str, tf.Tensor]:
        """The part of the state that candidates are matched with; empty where there are no match features."""
        return {} if self.match is None else {"match": self.match.user_state(features)}

    def with_user_numbers(self, users: tf.Tensor, features: Features) -> tf.Tensor:
        """Users' vectors [B, U] with their numbers and the context's beside them, if there are any."""
        if not self.user_numbers.width:
            return users
        return tf.concat([users, self.user_numbers(features)], -1)

    def with_numbers(
        self, candidates: tf.Tensor, state: UserState, features: Features
    ) -> tf.Tensor:
        """Candidates' vectors [B, N, C] with their numbers and match features beside them, if there are any."""
        parts = [candidates]
        if self.candidate_numbers.width:
            parts.append(self.candidate_numbers(features))
        if self.match is not None:
            parts.append(self.match(state["match"], state["mask"], features))
        return tf.concat(parts, -1)

    def by_task(self, logits: tf.Tensor) -> Logits:
        """Logits [B, N, T] as one [B, N] a task."""
        return {task: logits[:, :, t] for t, task in enumerate(self.fields.tasks)}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> tf.Tensor:
        """Mean cross-entropy over real candidates, summed over tasks; `sample_weight[task]` [B, N] is 0 on padding.

        The mean is over the candidates of all replicas, of which this is one replica's part.
        """
        loss = tf.add_n(
            [
                _mean_cross_entropy(y[task], logits, sample_weight[task])
                for task, logits in y_pred.items()
            ]
        )
        self.mean_loss.update_state(loss * replicas())
        return loss + tf.add_n(self.losses) / replicas() if self.losses else loss


def mmoe_head(fields: Fields, config: RankerConfig) -> FoldedMmoe:
    """The head that all rankers share."""
    return FoldedMmoe(
        len(fields.tasks),
        config.experts,
        config.expert_units,
        config.tower_units,
        config.dropout,
        name="mmoe",
    )


def _mean_cross_entropy(labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(
        tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    )
    return global_mean(entropy, weights)
