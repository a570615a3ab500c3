"""The base class of rankers: two functions, and the loss that trains their composition."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

import tensorflow as tf
import tf_keras as keras

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID
from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.global_mean import global_mean, replicas
from trainer.layers.dropout import Dropout
from trainer.layers.feature_embeddings import FeatureEmbeddings
from trainer.layers.folded_mmoe import FoldedMmoe
from trainer.layers.id_dropout import IdDropout
from trainer.layers.match_counts import MatchCounts
from trainer.layers.numbers import Numbers
from trainer.layers.transitions import Transitions, transition_pairs
from trainer.models.fg_bert import FGBert
from trainer.ranker_config import RankerConfig
from trainer.step_model import StepModel

Features = Mapping[str, tf.Tensor]
Logits = dict[str, tf.Tensor]


class UserState(Protocol):
    """What the user state of every ranker has; it is a NamedTuple of the ranker's own.

    The order of its fields is that of the stored bytes, see trainer/export/state_layout.py. Every
    tensor has the batch first. Tensors of rank 3 run along the history, [B, L, *]; those of rank 2
    are one vector for each user. int32 is kept exactly in every precision.
    """

    @property
    def match(self) -> tf.Tensor | tuple[()]:
        """What candidates are matched with, [B, L, W]; () where there are no match features."""

    @property
    def mask(self) -> tf.Tensor:
        """Which positions of the history are real, boolean [B, L]."""


State = TypeVar("State", bound=UserState)


class Ranker(StepModel, abc.ABC, Generic[State]):
    """A click-through-rate model as `encode_user` and `score_items`.

    Nothing else may know more about a model than these two functions.

    Args:
        fields: The data set's fields.
        config: The ranker's size and which parts are on.
        encoder_config: The size of the pre-trained encoder, for rankers that have one, and of other
            layers that attend.

    Example:
        >>> from trainer.config import TrainerConfig
        >>> from trainer.example_features import absent_features, shop_fields
        >>> from trainer.registry import create_ranker
        >>> config = TrainerConfig.model_validate({"ranker": {"model": "din"}})
        >>> ranker = create_ranker(shop_fields(), config)
        >>> features = absent_features(shop_fields())  # of one user and one candidate
        >>> state = ranker.encode_user(features)
        >>> ranker.score_items(state, features)["click"].shape
        TensorShape([1, 1])
    """

    def __init__(
        self, fields: Fields, config: RankerConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fields = fields
        self.config = config
        self.encoder_config = encoder_config
        self.embed = FeatureEmbeddings(fields, config.embedding_dim, name="embed")
        of_user = [*fields.of("user"), *fields.of("context")]
        self.user_numbers = Numbers(of_user, name="user_numbers")
        self.candidate_numbers = Numbers(fields.of("candidate"), name="candidate_numbers")
        self.match: MatchCounts | None = None
        if config.match and fields.matches:
            self.match = MatchCounts(fields.matches, name="match")
        self.transitions: Transitions | None = None
        if config.transitions:
            pairs = transition_pairs(fields)
            self.transitions = Transitions(pairs, len(fields.tasks), name="transitions")
        self.drop_ids: dict[str, IdDropout] = {}
        if config.id_dropout:
            item = next(field for field in fields.of("candidate") if field.field == "item_id")
            # A layer each, so that candidates and behaviours are dropped independently.
            for name in (CANDIDATE_ITEM_ID, HISTORY_ITEM_ID):
                self.drop_ids[name] = IdDropout(config.id_dropout, item.size, item.oov_buckets)
        self.drop = Dropout(config.dropout)  # on what goes to the head, numbers excepted
        self.encoder: FGBert | None = None  # what pre-training can be loaded into
        self.mean_loss = keras.metrics.Mean(name="loss")

    @abc.abstractmethod
    def encode_user(self, features: Features, training: bool | None = None) -> State:
        """All that can be computed without a candidate, from user, context and history indices."""

    @abc.abstractmethod
    def score_items(self, state: State, features: Features, training: bool | None = None) -> Logits:
        """A logit [B, N] for each task, from candidate indices [B, N] (or [B, N, V])."""

    def attention_weights(self, state: State, features: Features) -> tf.Tensor | None:
        """How much each candidate attends to each behaviour of the encoder's, to look at.

        Returns:
            [B, layers, heads, N, L]; None where candidates don't attend to an encoder.
        """
        return None

    def call(self, features: Features, training: bool | None = None) -> Logits:
        """The composition: a whole forward pass."""
        for name, drop in self.drop_ids.items():
            features = {**features, name: drop(features[name], training=training)}
        state = self.encode_user(features, training=training)
        return self.score_items(state, features, training=training)

    def start_from_encoder(self) -> None:
        """Copies to other parts what they start from; called once the encoder is pre-trained."""

    def match_state(self, features: Features) -> tf.Tensor | tuple[()]:
        """See UserState."""
        return () if self.match is None else self.match.user_state(features)

    def with_user_numbers(self, users: tf.Tensor, features: Features) -> tf.Tensor:
        """Users' vectors [B, U] with their and the context's numbers beside them, if any."""
        if not self.user_numbers.width:
            return users
        return tf.concat([users, self.user_numbers(features)], -1)

    def with_numbers(
        self, candidates: tf.Tensor, state: UserState, features: Features
    ) -> tf.Tensor:
        """Candidates' vectors [B, N, C] with their numbers and match features beside them."""
        parts = [candidates]
        if self.candidate_numbers.width:
            parts.append(self.candidate_numbers(features))
        if self.match is not None:
            parts.append(self.match(state.match, state.mask, features))
        return tf.concat(parts, -1)

    def by_task(self, logits: tf.Tensor, state: UserState, features: Features) -> Logits:
        """Logits [B, N, T] as [B, N] for each task, with what transitions add to them."""
        if self.transitions is not None and self.match is not None:
            latest = self.match.latest(state.match, state.mask)
            logits += tf.cast(self.transitions(latest, features), logits.dtype)
        return {task: logits[:, :, t] for t, task in enumerate(self.fields.tasks)}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> tf.Tensor:
        """The mean cross-entropy over real candidates, summed over tasks.

        The mean is over the candidates of all replicas, of which this is one replica's part.
        `sample_weight[task]` [B, N] is 0 on padding.
        """
        of_tasks = []
        for task, logits in y_pred.items():
            of_tasks.append(_mean_cross_entropy(y[task], logits, sample_weight[task]))
        loss = tf.add_n(of_tasks)
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
