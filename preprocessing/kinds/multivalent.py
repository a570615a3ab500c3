"""Several words of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preprocessing.kinds.kind import Kind
from preprocessing.spec import MULTIVALENT_SEPARATOR

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses


class Multivalent(Kind):
    """The first `max_values` words have an index each, as categorical ones have: [B, V] or ragged [B, (L * V)]."""

    column = "multivalent"
    has_vocabulary = True
    multivalent = True

    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """See Kind; V values each cell, row after row."""
        import tensorflow as tf

        vocabulary = graph.vocabulary(feature, spec, lambda values: _split(values).flat_values)
        width = spec.max_values

        def index(values: tf.Tensor) -> tf.Tensor:
            tokens = _split(values).to_tensor(default_value="", shape=[None, width])
            return graph.look_up(tokens, vocabulary, spec.oov_buckets)

        raw = graph.inputs[feature.name]
        if not isinstance(raw, tf.RaggedTensor):
            return tf.ensure_shape(index(raw), [None, width])
        return tf.RaggedTensor.from_row_splits(tf.reshape(index(raw.flat_values), [-1]), raw.row_splits * width)


def _split(values: Any) -> Any:
    import tensorflow as tf

    return tf.strings.split(values, MULTIVALENT_SEPARATOR)
