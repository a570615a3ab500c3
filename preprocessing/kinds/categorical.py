"""One word of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses


class Categorical(Kind):
    """The most frequent word has index 1; words outside the vocabulary share `oov_buckets`, chosen by hash."""

    has_vocabulary = True

    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """See Kind."""
        vocabulary = graph.vocabulary(feature, spec, lambda values: values)
        return graph.map_values(feature, lambda x: graph.look_up(x, vocabulary, spec.oov_buckets))
