"""Product-based Neural Network: inner products of all pairs of fields, beside the fields."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from trainer.layers.masked_mean import masked_mean
from trainer.models.baseline import Baseline, BaselineState
from trainer.models.ranker import Features


class PnnState(NamedTuple):
    """PNN's own part of the user state: the user-side fields' vectors side by side, [B, F * D]."""

    fields: tf.Tensor


class Pnn(Baseline):
    """IPNN (Qu et al., arXiv 1611.00144, section III).

    The head's first layer is relu(W_z z + W_p p + b), where z are the fields and p their products.

    A history field counts as one field, the mean over behaviours. Products of two user-side fields
    belong to the user state; those of a user-side and a candidate field, or of two candidate
    fields, are computed once per candidate.
    """

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[PnnState, tf.Tensor]:
        mean = masked_mean(history, features["history_item_id"] > 0)
        has_user_fields = bool(self.fields.embedded("user") or self.fields.embedded("context"))
        fields = tf.concat([user, mean], -1) if has_user_fields else mean
        products = products_within(self._vectors(fields))
        return PnnState(fields), tf.concat([fields, products], -1)

    def _match(
        self, candidates: tf.Tensor, state: BaselineState, features: Features, training: bool | None
    ) -> tf.Tensor:
        own: PnnState = state.own
        items = self._vectors(candidates)
        across = products_between(self._vectors(own.fields), items)
        # The head's first layer, a dense one, is what the paper calls l_1.
        return tf.concat([candidates, across, products_within(items)], -1)

    def _vectors(self, flat: tf.Tensor) -> tf.Tensor:
        """Vectors that lie side by side, [..., F * D], as [..., F, D]."""
        count = flat.shape[-1] // self.embed.dim
        return tf.reshape(flat, tf.concat([tf.shape(flat)[:-1], [count, self.embed.dim]], 0))


def products_within(vectors: tf.Tensor) -> tf.Tensor:
    """Inner products of all pairs of F vectors: [..., F, D] -> [..., F (F - 1) / 2]."""
    products = tf.matmul(vectors, vectors, transpose_b=True)
    count = vectors.shape[-2]
    pairs: list[int] = []  # the places of the upper triangle in the flattened products
    for i in range(count):
        pairs += range(i * count + i + 1, (i + 1) * count)
    flat = tf.reshape(products, tf.concat([tf.shape(products)[:-2], [count * count]], 0))
    return tf.gather(flat, tf.constant(pairs, tf.int32), axis=-1)


def products_between(users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Inner products of each of a user's vectors with each of a candidate's.

    Args:
        users: [B, F, D].
        items: [B, N, G, D].

    Returns:
        [B, N, G * F].
    """
    shape = tf.shape(items)
    count, dim = items.shape[-2:]
    rows = tf.reshape(items, [shape[0], shape[1] * count, dim])
    products = tf.matmul(rows, users, transpose_b=True)
    return tf.reshape(products, [shape[0], shape[1], count * users.shape[1]])
