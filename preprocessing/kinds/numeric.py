"""A number, by quantiles of the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses


class Numeric(Kind):
    """Numbers are cut into `buckets` of about as many training values each."""

    column = "number"

    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """See Kind."""
        import tensorflow as tf
        import tensorflow_transform as tft

        def quantiles(values: tf.Tensor) -> Any:
            known = tf.boolean_mask(values, ~tf.math.is_nan(values))
            return tft.quantiles(known, spec.buckets, epsilon=0.01)

        bounds = graph.learned(feature, quantiles)

        def index(values: tf.Tensor) -> tf.Tensor:
            known = ~tf.math.is_nan(values)
            return tf.where(known, tft.apply_buckets(tf.where(known, values, 0.0), bounds) + 1, 0)

        return graph.map_values(feature, index)
