"""Kind `multivalent`: several words of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pydantic

from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR, CheckedAs
from preprocessing.kinds.words import WordKind

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class Multivalent(WordKind):
    """Several words, each with an index: [B, V], or ragged [B, (L * V)] in the history.

    Attributes:
        max_values: How many words are kept, V; the first ones.
    """

    checked_as: ClassVar[CheckedAs] = "multivalent"
    multivalent: ClassVar[bool] = True

    max_values: int = pydantic.Field(8, ge=1)

    @property
    def width(self) -> int:
        """See Kind."""
        return self.max_values

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """See Kind; V values each cell, row after row."""
        import tensorflow as tf

        vocabulary = graph.vocabulary(
            feature, self.min_count, lambda values: _split(values).flat_values
        )
        width = self.max_values

        def index(values: tf.Tensor) -> tf.Tensor:
            tokens = _split(values).to_tensor(default_value="", shape=[None, width])
            return graph.look_up(tokens, vocabulary, self.oov_buckets)

        raw = graph.inputs[feature.name]
        if not isinstance(raw, tf.RaggedTensor):
            return tf.ensure_shape(index(raw), [None, width])
        return tf.RaggedTensor.from_row_splits(
            tf.reshape(index(raw.flat_values), [-1]), raw.row_splits * width
        )


def _split(values: tf.Tensor) -> tf.RaggedTensor:
    import tensorflow as tf

    return tf.strings.split(values, MULTIVALENT_SEPARATOR)
