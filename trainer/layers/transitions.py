"""What a value of a candidate is worth after the same field's value of the latest behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from preprocessing.config import ConfigError
from trainer.fields import Compared, Fields
from trainer.layers.field_embedding import lookup

LARGEST = 1024  # values of a field, the absent one among them; a table has their square


def transition_pairs(fields: Fields) -> list[Compared]:
    """The features that transitions can be counted of, each once.

    They are those that a match compares, with one value a cell, whose words are at most LARGEST.
    """
    pairs: dict[str, Compared] = {}
    for match in fields.matches:
        for pair in match.compared:
            if pair.width == 1 and pair.known is not None and pair.known <= LARGEST:
                pairs[pair.history] = pair
    return list(pairs.values())


class Transitions(keras.layers.Layer):
    """A weight for every pair of values, of the latest behaviour and of the candidate.

    They are added to the logits: the cross-product features of Wide & Deep (Cheng et al., DLRS
    2016), of the pairs that a Markov chain counts (FPMC, Rendle et al., WWW 2010). Which category
    follows which is learned so within one pass over a log of which attention needs many. They start
    at 0. Words that are absent, or outside of the vocabulary, follow nothing and nothing follows
    them.

    Args:
        pairs: What is paired, as from `transition_pairs`.
        tasks: How many logits a candidate has, T.

    Attributes:
        tables: By the behaviours' feature, [known * known, T]: the latest behaviour's index times
            `known`, plus the candidate's.

    Raises:
        ConfigError: there are no pairs.

    Example:
        >>> layer = Transitions([Compared("history_brand", "candidate_brand", known=9)], tasks=1)
        >>> latest = {"history_brand": tf.constant([[7]])}
        >>> layer(latest, {"candidate_brand": tf.constant([[3, 4]])}).shape
        TensorShape([1, 2, 1])
    """

    def __init__(self, pairs: Sequence[Compared], tasks: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not pairs:
            raise ConfigError(
                "trainer.ranker.transitions: every categorical feature that a match compares has "
                f"{LARGEST} words or more, too many for a weight of each pair. Leave it out"
            )
        self.pairs = tuple(pairs)
        self.tasks = tasks
        self.tables: dict[str, tf.Variable] = {}

    def build(self, input_shape: Any) -> None:
        for pair in self.pairs:
            assert pair.known is not None
            self.tables[pair.history] = self.add_weight(
                pair.history,
                (pair.known * pair.known, self.tasks),
                initializer="zeros",
                experimental_autocast=False,
            )
        super().build(input_shape)

    def call(self, latest: Mapping[str, tf.Tensor], features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """What the candidates' logits get.

        Args:
            latest: The indices of each user's latest behaviour, [B, 1], by feature; 0 where there
                is none.
            features: The candidates' transformed features, [B, N].

        Returns:
            float32 [B, N, T].
        """
        added = []
        for pair in self.pairs:
            before = tf.cast(latest[pair.history], tf.int32)
            after = tf.cast(features[pair.candidate], tf.int32)
            are_words = _are_words(before, pair) & _are_words(after, pair)
            place = tf.where(are_words, before * pair.known + after, 0)
            weights = tf.cast(lookup(self.tables[pair.history], place), tf.float32)
            added.append(tf.where(are_words[..., None], weights, 0.0))
        return tf.add_n(added)


def _are_words(indices: tf.Tensor, pair: Compared) -> tf.Tensor:
    return (indices > 0) & (indices < pair.known)
