"""A number, by quantiles of the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pydantic

from preprocessing.kinds.column import ColumnKind
from preprocessing.kinds.kind import CheckedAs

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses


class Numeric(ColumnKind):
    """Numbers are cut into quantile buckets.

    Attributes:
        buckets: How many, of about as many training values each.
    """

    checked_as: ClassVar[CheckedAs] = "number"

    buckets: int = pydantic.Field(10, ge=2)

    @property
    def size(self) -> int:
        """See Kind."""
        return self.buckets

    def index(self, feature: ModelFeature, graph: Analyses) -> Any:
        """See Kind."""
        import tensorflow as tf
        import tensorflow_transform as tft

        def quantiles(values: tf.Tensor) -> Any:
            known = tf.boolean_mask(values, ~tf.math.is_nan(values))
            return tft.quantiles(known, self.buckets, epsilon=0.01)

        bounds = graph.learned(feature, quantiles)

        def index(values: tf.Tensor) -> tf.Tensor:
            known = ~tf.math.is_nan(values)
            return tf.where(known, tft.apply_buckets(tf.where(known, values, 0.0), bounds) + 1, 0)

        return graph.map_values(feature, index)
