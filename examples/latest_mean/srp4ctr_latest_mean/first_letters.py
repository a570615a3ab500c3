"""A kind of feature: the first letters of a text, such as the range of a product's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pydantic

from preprocessing.kinds.column import ColumnKind
from preprocessing.kinds.kind import CheckedAs

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class FirstLetters(ColumnKind):
    """Hashed into buckets, so it needs no vocabulary.

    Attributes:
        letters: How many of them count.
        buckets: Into so many they are hashed.
    """

    checked_as: ClassVar[CheckedAs] = "text"

    letters: int = pydantic.Field(1, ge=1)
    buckets: int = pydantic.Field(100, ge=1)

    @property
    def size(self) -> int:
        """See Kind."""
        return self.buckets

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """See Kind."""
        import tensorflow as tf

        def bucket(values: tf.Tensor) -> tf.Tensor:
            first = tf.strings.substr(values, 0, self.letters, unit="UTF8_CHAR")
            return tf.where(
                values == "", 0, 1 + tf.strings.to_hash_bucket_fast(first, self.buckets)
            )

        return graph.map_values(feature, bucket)
