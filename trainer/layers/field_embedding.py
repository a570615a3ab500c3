"""Embeddings of one field's indices, with multivalent cells averaged."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.fields import Field
from trainer.layers.masked_mean import masked_mean


@keras.utils.register_keras_serializable(package="srp4ctr")
class FieldEmbedding(keras.layers.Layer):
    """Looks indices up in a table.

    Index 0 (absent) gives zeros; of a cell with several values it gives the mean.

    The table has one row more than the field has indices: the last one, `mask_index`, stands for a
    hidden value.

    Args:
        size: Number of the field's indices, 0 included.
        dim: Width D of an embedding.
        multivalent: Whether the last axis of the input runs over a cell's values.
        vocabulary: The id space whose values have rows here; None where indices number buckets.

    Example:
        >>> layer = FieldEmbedding(size=10, dim=4)
        >>> layer(tf.constant([[3, 0]])).shape
        TensorShape([1, 2, 4])
        >>> tags = FieldEmbedding(size=10, dim=4, multivalent=True)
        >>> tags(tf.constant([[[3, 7, 0], [0, 0, 0]]])).shape  # up to three tags of two items
        TensorShape([1, 2, 4])
    """

    def __init__(
        self,
        size: int,
        dim: int,
        multivalent: bool = False,
        vocabulary: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size < 1 or dim < 1:
            raise ValueError(f"size and dim must be positive. Received: size={size}, dim={dim}")
        self.size = size
        self.dim = dim
        self.multivalent = multivalent
        self.vocabulary = vocabulary

    @classmethod
    def of(cls, field: Field, dim: int, name: str) -> FieldEmbedding:
        """The table of a data set's field."""
        return cls(field.size, dim, field.multivalent, field.feature.vocabulary, name=name)

    @property
    def mask_index(self) -> int:
        """The index that stands for a hidden value."""
        return self.size

    def build(self, input_shape: tf.TensorShape) -> None:
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        # Rows are cast after they are looked up: under mixed precision, casting the table would
        # make gradients dense.
        self.table = self.add_weight(
            "table", (self.size + 1, self.dim), initializer=initializer, experimental_autocast=False
        )
        super().build(input_shape)

    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Embeds [...] (or [..., V] when multivalent) indices as [..., D]."""
        vectors = tf.cast(lookup(self.table, indices), self.compute_dtype)
        if self.multivalent:
            return masked_mean(vectors, indices > 0)
        return vectors * tf.cast(indices > 0, vectors.dtype)[..., None]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "dim": self.dim,
            "multivalent": self.multivalent,
            "vocabulary": self.vocabulary,
        }


def lookup(table: tf.Variable, indices: tf.Tensor) -> tf.Tensor:
    """Rows of a table, which a parameter server may have cut into runs of consecutive rows."""
    shards = getattr(table, "variables", None)
    if shards is None:
        return tf.gather(table, indices)
    return tf.nn.embedding_lookup(list(shards), indices)


def built_embeddings(model: tf.Module) -> list[FieldEmbedding]:
    """A model's embeddings that have a table: one that is never read has none."""
    return [part for part in model.submodules if isinstance(part, FieldEmbedding) and part.built]
