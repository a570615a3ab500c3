"""The numbers of users and of candidates, as the head of a ranker reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
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

    def build(self, input_shape: Any) -> None:
        for buckets in self.buckets:
            with tf.name_scope(buckets.name):
                buckets.build(None)
        super().build(input_shape)

    def call(self, features: Features) -> tf.Tensor:
        """Of indices and numbers [...] of each field: [..., width]."""
        indices = tf.stack([features[field.name] for field in self.fields], -1)
        numbers = tf.stack([features[number_name(field.name)] for field in self.fields], -1)
        number = tf.cast(numbers, self.compute_dtype)[..., None]
        is_known = tf.cast(indices > 0, self.compute_dtype)[..., None]
        bucket = tf.cast(self._rows(indices), self.compute_dtype) * is_known
        of_fields = tf.concat([number, is_known, bucket], -1)
        return tf.reshape(of_fields, tf.concat([tf.shape(indices)[:-1], [self.width]], 0))

    def _rows(self, indices: tf.Tensor) -> tf.Tensor:
        """The rows of all fields' tables by one look-up: [..., F] to [..., F, BUCKET_WIDTH].

        A look-up of its own for each would be twenty operations more a number to train.
        """
        tables: list[tf.Variable] = []
        for buckets in self.buckets:
            # A parameter server may have cut a table into runs of rows.
            tables += getattr(buckets.table, "variables", [buckets.table])
        sizes = [buckets.size + 1 for buckets in self.buckets]
        first = tf.constant(np.cumsum([0, *sizes[:-1]]), indices.dtype)
        return tf.gather(_stacked(*tables), indices + first)


@tf.custom_gradient
def _stacked(*tables: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Tables of one width, one below the other.

    The gradient is as dense as they are small: TensorFlow's own would keep it sparse, in ten
    operations a table.
    """

    def gradients(upstream: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(tf.convert_to_tensor(upstream), [table.shape[0] for table in tables])

    return tf.concat(tables, 0), gradients
