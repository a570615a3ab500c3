"""Counts what each candidate has in common with a history.

How often exactly an item was met can't be read from embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from trainer.fields import Compared, MatchField

Features = Mapping[str, tf.Tensor]


class MatchCounts(keras.layers.Layer):
    """Counts the behaviours that match a candidate, for each match that the spec declares.

    With m behaviours that match among n that are looked at, the latest of them a behaviours ago
    (0: the very latest), a match gives

        log(1 + m),  m / n,  1 / (1 + a)  (0 where none matches)

    and, where it counts by values, log(1 + m_v) for each value v. The user's side is the values
    that are compared, as integers, so the split is exact in every precision of a state.
    EasyRec's match and lookup features, and MTGR's cross features (CIKM 2025), are of this kind.

    Args:
        matches: What is compared.

    Attributes:
        values_apart: By match, the indices of the values that are counted each for itself. They are
            weights, not trained: which number stands for which word must outlive a vocabulary in
            another order (trainer/warm_start.py).

    Example:
        >>> from trainer.example_features import shop_fields
        >>> layer = MatchCounts(shop_fields().matches)
        >>> values = layer.user_state({"history_brand": tf.constant([[7, 5, 7]])})
        >>> mask = tf.constant([[True, True, True]])
        >>> layer(values, mask, {"candidate_brand": tf.constant([[7]])}).numpy().round(2)
        array([[[1.1 , 0.67, 1.  ]]], dtype=float32)
    """

    def __init__(self, matches: Sequence[MatchField], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.matches = tuple(matches)
        self._columns = _columns_by_name(self.matches)
        self.values_apart: dict[str, tf.Variable] = {}

    def build(self, input_shape: tf.TensorShape) -> None:
        for match in self.matches:
            count = match.spec.values_apart
            if count:
                self.values_apart[match.name] = self.add_weight(
                    f"{match.name}_values",
                    [count],
                    tf.int64,
                    tf.constant_initializer(np.arange(1, count + 1)),
                    trainable=False,
                )
        super().build(input_shape)

    @property
    def width(self) -> int:
        """How many numbers a candidate gets."""
        return sum(match.spec.width for match in self.matches)

    def user_state(self, features: Features) -> tf.Tensor:
        """The compared values of the behaviours side by side, int32 [B, L, W]."""
        columns = []
        for name in self._columns:
            values = tf.cast(features[name], tf.int32)
            columns.append(values if values.shape.rank == 3 else values[..., None])
        return tf.concat(columns, -1)

    def latest(self, values: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        """The compared values of the latest behaviour by feature: int32 [B, V], 0 without any.

        Args:
            values: Of `user_state`, int32 [B, L, W].
            mask: Which positions are real, [B, L]; the real ones come first.
        """
        real = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        last = tf.gather(values, tf.maximum(real - 1, 0), batch_dims=1)
        last = tf.where(real[:, None] > 0, last, 0)
        found = {}
        for name, (start, width) in self._columns.items():
            found[name] = last[:, start : start + width]
        return found

    def call(self, values: tf.Tensor, mask: tf.Tensor, features: Features) -> tf.Tensor:
        """The numbers of each candidate.

        Args:
            values: Of `user_state`, int32 [B, L, W].
            mask: Which positions are real, [B, L]; the real ones come first.
            features: The candidates' transformed features, [B, N] or [B, N, V].

        Returns:
            [B, N, width].
        """
        length = tf.shape(mask)[1]
        real = tf.reduce_sum(tf.cast(mask, tf.int32), 1, keepdims=True)
        age = real - 1 - tf.range(length)[None]  # [B, L], behaviours since; negative on padding
        numbers = []
        for match in self.matches:
            looked_at = mask
            if match.spec.last is not None:
                looked_at = mask & (age < match.spec.last)
            matches = self._matches(match, values, features) & looked_at[:, None]
            met = tf.cast(matches, tf.float32)
            numbers += _count(met, looked_at, age)
            if match.by is not None:
                apart = tf.cast(self.values_apart[match.name], tf.int32)
                numbers.append(_count_by_value(met, self._columns_of(match.by, values), apart))
        return tf.cast(tf.concat(numbers, -1), self.compute_dtype)

    def _matches(self, match: MatchField, values: tf.Tensor, features: Features) -> tf.Tensor:
        """Which behaviours have the candidates' values, [B, N, L]."""
        found = None
        for pair in match.compared:
            candidates = tf.cast(features[pair.candidate], tf.int32)
            if candidates.shape.rank == 2:
                candidates = candidates[..., None]
            common = _have_common(self._columns_of(pair.history, values), candidates, pair)
            found = common if found is None else found & common
        return found

    def _columns_of(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """The columns of one feature, [B, L, V]."""
        start, width = self._columns[name]
        return values[..., start : start + width]


def _columns_by_name(matches: Sequence[MatchField]) -> dict[str, tuple[int, int]]:
    """Where each feature that is read of behaviours lies: its first column and how many it has."""
    widths: dict[str, int] = {}
    for match in matches:
        for pair in match.compared:
            widths[pair.history] = pair.width
        if match.by is not None:
            widths[match.by] = 1
    columns = {}
    start = 0
    for name, width in widths.items():
        columns[name] = (start, width)
        start += width
    return columns


def _have_common(behaviors: tf.Tensor, candidates: tf.Tensor, pair: Compared) -> tf.Tensor:
    """Whether behaviours and candidates have a value in common.

    Absent values, and indices that several words share, don't count.

    Args:
        behaviors: int32 [B, L, V].
        candidates: int32 [B, N, V].
        pair: Where they come from.

    Returns:
        Boolean [B, N, L].
    """
    is_one_word = candidates > 0
    if pair.known is not None:
        is_one_word &= candidates < pair.known
    wanted = tf.where(is_one_word, candidates, -1)  # no behaviour has -1
    # Value after value of a cell, which are few: all pairs at once would be [B, N, L, V, V].
    found = tf.zeros([tf.shape(wanted)[0], tf.shape(wanted)[1], tf.shape(behaviors)[1]], tf.bool)
    for place in range(pair.width):
        equal = behaviors[:, None] == wanted[:, :, None, place, None]
        found |= tf.reduce_any(equal, -1)
    return found


def _count(met: tf.Tensor, looked_at: tf.Tensor, age: tf.Tensor) -> list[tf.Tensor]:
    """Count, share and recency, [B, N, 1] each, of float32 0 or 1 [B, N, L]."""
    matched = tf.reduce_sum(met, -1, keepdims=True)
    among = tf.reduce_sum(tf.cast(looked_at, tf.float32), -1)[:, None, None]
    nearness = 1.0 / (1.0 + tf.cast(tf.maximum(age, 0), tf.float32))
    recency = tf.reduce_max(met * nearness[:, None], -1, keepdims=True)
    return [tf.math.log1p(matched), tf.math.divide_no_nan(matched, among), recency]


def _count_by_value(met: tf.Tensor, behaviors: tf.Tensor, apart: tf.Tensor) -> tf.Tensor:
    """log(1 + count) of matches for each value of `apart`, and last for all others.

    Args:
        met: Which behaviours match, 0 or 1, [B, N, L].
        behaviors: The behaviours' indices, [B, L, 1].
        apart: The indices that are counted each for itself, [V].

    Returns:
        [B, N, V + 1].
    """
    is_own = tf.cast(behaviors == apart, met.dtype)
    is_other = 1.0 - tf.reduce_sum(is_own, -1, keepdims=True)
    return tf.math.log1p(tf.matmul(met, tf.concat([is_own, is_other], -1)))
