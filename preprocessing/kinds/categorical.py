"""Kind `categorical`: one word of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preprocessing.kinds.words import WordKind

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class Categorical(WordKind):
    """One word, whose index is its place in the vocabulary; the most frequent word has index 1.

    Words outside the vocabulary share `oov_buckets` further indices, chosen by hash.
    """

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """See Kind."""
        vocabulary = graph.vocabulary(feature, self.min_count, lambda values: values)
        return graph.map_values(feature, lambda x: graph.look_up(x, vocabulary, self.oov_buckets))
