"""What the baselines have in common.

It is everything but the way in which they match a candidate with a history.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import tensorflow as tf

from trainer.config import EncoderConfig
from trainer.fields import Fields
from trainer.layers.folded_mmoe import MmoeState
from trainer.models.ranker import Features, Logits, Ranker, mmoe_head
from trainer.ranker_config import RankerConfig


class BaselineState(NamedTuple):
    """A baseline's user state, see UserState.

    Attributes:
        own: The model's own part: a NamedTuple of what its `_match` needs.
        head: The user's share of the head.
        match: See UserState.
        mask: See UserState.
    """

    own: Any
    head: MmoeState
    match: tf.Tensor | tuple[()]
    mask: tf.Tensor


class Baseline(Ranker[BaselineState]):
    """A ranker of the literature with the base's features, embeddings, head, loss and budget.

    A user's part is [user and context embeddings, what `_read` adds, its numbers], a candidate's is
    [what `_match` makes of it, its numbers and match features]; both go to the MMoE head, the
    user's first-layer terms by way of the state.
    """

    def __init__(
        self, fields: Fields, config: RankerConfig, encoder_config: EncoderConfig, **kwargs: Any
    ) -> None:
        super().__init__(fields, config, encoder_config, **kwargs)
        self.head = mmoe_head(fields, config)

    @abc.abstractmethod
    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[Any, tf.Tensor]:
        """The model's own part of the state, and the user vector [B, U'] for the head.

        Args:
            user: User and context embeddings [B, U].
            history: Embedded behaviours [B, L, D].
            features: The indices they come from.
            training: Whether dropout and auxiliary losses are on.
        """

    @abc.abstractmethod
    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        """The candidates' vectors [B, N, C'] for the head, from their embeddings [B, N, C]."""

    def encode_user(self, features: Features, training: bool | None = None) -> BaselineState:
        """See Ranker."""
        user = self.embed.user(features)
        history = self.embed.history(features)
        # The user's vector goes to the head, by way of its share of the state.
        own, user_vector = self._read(user, history, features, training)
        user_vector = self.drop(user_vector, training=training)
        user_vector = self.with_user_numbers(user_vector, features)
        return BaselineState(
            own,
            self.head.user_state(user_vector),
            self.match_state(features),
            features["history_item_id"] > 0,
        )

    def score_items(
        self, state: BaselineState, features: Features, training: bool | None = None
    ) -> Logits:
        """See Ranker."""
        vectors = self._match(self.embed.candidates(features), state, features, training)
        vectors = self.with_numbers(self.drop(vectors, training=training), state, features)
        logits = self.head(vectors, state.head, training=training)
        return self.by_task(logits, state, features)
