"""Product-based Neural Network: inner products of all pairs of fields beside the fields themselves."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.layers.masked_mean import masked_mean
from trainer.models.baseline import Baseline
from trainer.models.ranker import Features, UserState


class Pnn(Baseline):
    """IPNN (Qu et al., arXiv 1611.00144, section III): l_1 = relu(W_z z + W_p p + b), z the fields, p their products.

    A history field counts as one field, the mean over behaviours. Products of two user-side fields
    belong to the user state; those of a user-side and a candidate field, or of two candidate
    fields, are once a candidate.
    """

    def _read(
        self, user: tf.Tensor, history: tf.Tensor, features: Features, training: bool | None
    ) -> tuple[dict[str, Any], tf.Tensor]:
        mean = masked_mean(history, features["history_item_id"] > 0)
        has_user_fields = bool(self.fields.embedded("user") or self.fields.embedded("context"))
        known = tf.concat([user, mean], -1) if has_user_fields else mean
        return {"fields": known}, tf.concat([known, products_within(self._vectors(known))], -1)

    def _match(
        self, candidates: tf.Tensor, state: UserState, features: Features, training: bool | None
    ) -> tf.Tensor:
        items = self._vectors(candidates)
        across = products_between(self._vectors(state["fields"]), items)
        return tf.concat([candidates, across, products_within(items)], -1)

    def _vectors(self, flat: tf.Tensor) -> tf.Tensor:
        """[..., F * D] -> [..., F, D]."""
        count = flat.shape[-1] // self.embed.dim
        return tf.reshape(flat, tf.concat([tf.shape(flat)[:-1], [count, self.embed.dim]], 0))


def products_within(vectors: tf.Tensor) -> tf.Tensor:
    """Inner products of all pairs of F vectors: [..., F, D] -> [..., F (F - 1) / 2]."""
    products = tf.matmul(vectors, vectors, transpose_b=True)
    count = vectors.shape[-2]
    pairs = [i * count + j for i in range(count) for j in range(i + 1, count)]
    flat = tf.reshape(products, tf.concat([tf.shape(products)[:-2], [count * count]], 0))
    return tf.gather(flat, tf.constant(pairs, tf.int32), axis=-1)


def products_between(users: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
    """Inner products of each of a user's F vectors [B, F, D] with each candidate's G [B, N, G, D]: [B, N, G * F]."""
    shape, (count, dim) = tf.shape(items), items.shape[-2:]
    rows = tf.reshape(items, [shape[0], shape[1] * count, dim])
    products = tf.matmul(rows, users, transpose_b=True)
    return tf.reshape(products, [shape[0], shape[1], count * users.shape[1]])
