"""The numbers of users and of candidates, as the head of a ranker reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from preprocessing.features import number_name
from trainer.fields import Field
from trainer.layers.field_embedding import FieldEmbedding

Features = Mapping[str, tf.Tensor]

BUCKET_WIDTH = 4


class Numbers(keras.layers.Layer):
    """Each number as it is, whether there is one, and a narrow embedding of its bucket.

    They are to be put beside what dropout has passed: a number with dropout is another number.
    Standardised values and narrow buckets together beat either of the two alone.

    Args:
        fields: Those that may have numbers, all of one side; the others are left out.

    Example:
        >>> from trainer.example_features import absent_features, shop_fields
        >>> numbers = Numbers(shop_fields().of("user"))
        >>> numbers(absent_features(shop_fields())).shape  # the age of one user
        TensorShape([1, 6])
    """

    def __init__(self, fields: Sequence[Field], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields = [field for field in fields if field.number is not None]
        self.buckets = [
            FieldEmbedding.of(field, BUCKET_WIDTH, f"buckets_{field.name}") for field in self.fields
        ]

    @property
    def width(self) -> int:
        """How many numbers each user, or candidate, gets."""
        return len(self.fields) * (2 + BUCKET_WIDTH)

    def call(self, features: Features) -> tf.Tensor:
        """Of indices and numbers [...] of each field: [..., width]."""
        parts = []
        for field, buckets in zip(self.fields, self.buckets, strict=True):
            indices = features[field.name]
            number = tf.cast(features[number_name(field.name)], self.compute_dtype)
            is_known = tf.cast(indices > 0, self.compute_dtype)
            parts += [number[..., None], is_known[..., None], buckets(indices)]
        return tf.concat(parts, -1)
