"""The embedding tables of a ranker, and the concatenations that every ranker reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.fields import Field, Fields
from trainer.layers.field_embedding import FieldEmbedding
from trainer.layers.number_embedding import NumberEmbedding

Features = Mapping[str, tf.Tensor]


class FeatureEmbeddings(keras.layers.Layer):
    """One table for each field; a history and a candidate field of one name share theirs.

    A field with numbers also has a direction, along which its embedding lies the further out the
    larger the number is. Statistics have no embedding: a ranker reads their numbers alone, see
    Numbers.

    Args:
        fields: The data set's fields.
        dim: Width of each field's embedding.

    Example:
        >>> from trainer.example_features import absent_features, shop_fields
        >>> embed = FeatureEmbeddings(shop_fields(), dim=4)
        >>> features = absent_features(shop_fields())  # of one behaviour and one candidate
        >>> embed.history(features).shape  # item, brand and action
        TensorShape([1, 1, 12])
        >>> embed.candidates(features).shape
        TensorShape([1, 1, 8])
    """

    def __init__(self, fields: Fields, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields = fields
        self.dim = dim
        by_table = {_table(field): field for field in fields.all if not field.feature.statistic}
        tables = {}
        directions = {}
        for name, field in by_table.items():
            tables[name] = FieldEmbedding.of(field, dim, f"embed_{name}")
            if field.number:
                directions[name] = NumberEmbedding(dim, name=f"direction_{name}")
        self.tables = tables
        self.directions = directions

    @property
    def item_width(self) -> int:
        """Width of `candidates`, and of the leading, item-related part of `history`."""
        return len(self.fields.item) * self.dim

    @property
    def history_width(self) -> int:
        """Width of `history`."""
        return len(self.fields.of("history")) * self.dim

    def user(self, features: Features) -> tf.Tensor:
        """User and context features, [B, U]; one zero where the data set has none."""
        return self.concat(
            [*self.fields.embedded("user"), *self.fields.embedded("context")], features
        )

    def history(self, features: Features) -> tf.Tensor:
        """Behaviours with their item's features first: [B, L, history_width]."""
        return self.concat(self.fields.of("history"), features)

    def candidates(self, features: Features) -> tf.Tensor:
        """Candidates, [B, N, item_width]."""
        return self.concat(self.fields.embedded("candidate"), features)

    def as_behavior(self, items: tf.Tensor) -> tf.Tensor:
        """Items [B, *, item_width] as behaviours [B, *, history_width] that are yet to come.

        What would be known of the behaviour itself, such as its rating, is zeros.
        """
        return tf.pad(items, [[0, 0], [0, 0], [0, self.history_width - self.item_width]])

    def concat(self, fields: Sequence[Field], features: Features) -> tf.Tensor:
        """The embeddings of some fields of one side, side by side."""
        if not fields:
            # Of width 1, for there are no dense layers over nothing.
            return tf.zeros([tf.shape(features["history_item_id"])[0], 1])
        return tf.concat([self._embed(field, features) for field in fields], -1)

    def _embed(self, field: Field, features: Features) -> tf.Tensor:
        embedded = self.tables[_table(field)](features[field.name])
        if field.number is None:
            return embedded
        return embedded + self.directions[_table(field)](features[field.number])


def _table(field: Field) -> str:
    """The name of a field's table; candidates and behaviours of the same name share one."""
    side = field.feature.side
    return f"{side}_{field.field}" if side in ("user", "context") else field.field
