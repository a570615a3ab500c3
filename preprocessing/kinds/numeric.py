"""Kind `numeric`: a number, standardised, and its place among quantiles of the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import pydantic

from preprocessing.kinds.column import ColumnKind
from preprocessing.kinds.kind import CheckedAs

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses

_CLIP = 6.0  # standard deviations; what is further out counts as that far
# Percentages of the training values, and how many times the distance between them a value may be
# outside of them before it counts as that far in mean and deviation. A normal value would be 25
# deviations from its mean.
_PERCENTILES = 100
_REACH = 5.0
_RATE_MARGIN = 1e-4  # rates of 0 and 1, whose logit has no end, count as this far from it


class Numeric(ColumnKind):
    """A model gets a number twice: as an index, by quantile buckets, and as a standardised number.

    The number is on the feature's scale, minus the mean of the training values and over their
    standard deviation there, at most 6 of them from 0. An absent one has index 0 and the number 0.
    On the linear scale, where a single absurd value would hide all others, mean and deviation take
    values that are far outside of the 1st to the 99th percentile as nearer.

    Attributes:
        buckets: How many buckets there are, of about as many training values each.
        scale: How numbers are told apart. `log`, for counts, times and prices: log(1 + x), and as
            much below 0 for negative ones. `linear`: as they are. `logit`, for rates from 0 to 1:
            log(x / (1 - x)); a row with another number is rejected.
    """

    checked_as: ClassVar[CheckedAs] = "number"
    has_number: ClassVar[bool] = True

    buckets: int = pydantic.Field(32, ge=2, le=10_000)
    scale: Literal["log", "linear", "logit"] = "log"

    @property
    def size(self) -> int:
        """See Kind."""
        return self.buckets

    @property
    def between(self) -> tuple[float, float] | None:
        """See ColumnKind."""
        return (0.0, 1.0) if self.scale == "logit" else None

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """See Kind."""
        import tensorflow as tf
        import tensorflow_transform as tft

        bounds = self._learned(feature, graph).bounds

        def index(values: tf.Tensor) -> tf.Tensor:
            known = ~tf.math.is_nan(values)
            return tf.where(known, tft.apply_buckets(tf.where(known, values, 0.0), bounds) + 1, 0)

        return graph.map_values(feature, index)

    def number(self, feature: ModelFeature, graph: Analyses) -> tf.Tensor | tf.RaggedTensor:
        """See Kind."""
        import tensorflow as tf

        learned = self._learned(feature, graph)

        def number(values: tf.Tensor) -> tf.Tensor:
            known = ~tf.math.is_nan(values)
            scaled = self._scaled(tf.where(known, values, 0.0))
            distance = tf.math.divide_no_nan(scaled - learned.mean, learned.deviation)
            return tf.where(known, tf.clip_by_value(distance, -_CLIP, _CLIP), 0.0)

        return graph.map_values(feature, number)

    def _learned(self, feature: ModelFeature, graph: Analyses) -> _Learned:
        """What is learned of one feature."""
        # A statistic is counted here, and can't be absurd.
        may_be_absurd = self.scale == "linear" and not feature.statistic
        learned, column = graph.learned_together(
            feature, lambda values: self._analyse(values, may_be_absurd)
        )
        mean = learned.mean[column]
        return _Learned(learned.bounds[column][None], mean, learned.deviation[column])

    def _analyse(self, values: tf.Tensor, may_be_absurd: bool) -> _Learned:
        """What is learned of training values [n, K]; rows with a NaN are left out."""
        import tensorflow as tf
        import tensorflow_transform as tft

        known = tf.boolean_mask(values, ~tf.reduce_any(tf.math.is_nan(values), -1))
        known = tf.ensure_shape(known, [None, values.shape[-1]])
        scaled = self._scaled(known)
        if may_be_absurd:
            scaled = _within_reach(scaled)
        # Float64's come as a scalar where K is 1.
        count = values.shape[-1]
        mean = tf.reshape(_finite(tft.mean(scaled, reduce_instance_dims=False)), [count])
        variance = tf.reshape(_finite(tft.var(scaled, reduce_instance_dims=False)), [count])
        mean = tf.cast(mean, tf.float32)
        deviation = tf.cast(tf.sqrt(variance), tf.float32)
        bounds = tft.quantiles(known, self.buckets, epsilon=0.01, reduce_instance_dims=False)
        return _Learned(bounds, mean, deviation)

    def _scaled(self, values: tf.Tensor) -> tf.Tensor:
        import tensorflow as tf

        if self.scale == "linear":
            return values
        if self.scale == "log":
            return tf.sign(values) * tf.math.log1p(tf.abs(values))
        rates = tf.clip_by_value(values, _RATE_MARGIN, 1.0 - _RATE_MARGIN)
        return tf.math.log(rates) - tf.math.log1p(-rates)


class _Learned(NamedTuple):
    """What is learned of the training values of K features.

    Attributes:
        bounds: [K, *], where buckets end.
        mean: [K], on the features' scale.
        deviation: [K], the standard deviation, likewise.
    """

    bounds: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor


def _within_reach(values: tf.Tensor) -> tf.Tensor:
    """The values [n, K] in float64, in which squares don't overflow, without absurd ones.

    Where the 1st and the 99th percentile are the same, nothing says what is absurd.
    """
    import tensorflow as tf
    import tensorflow_transform as tft

    found = tft.quantiles(values, _PERCENTILES, epsilon=0.001, reduce_instance_dims=False)
    percentiles = tf.cast(found, tf.float64)
    low = tf.reduce_min(percentiles, -1)
    high = tf.reduce_max(percentiles, -1)
    reach = _REACH * (high - low)
    reach = tf.where(reach > 0, reach, tf.float64.max)
    clipped = tf.clip_by_value(tf.cast(values, tf.float64), low - reach, high + reach)
    return tf.ensure_shape(clipped, values.shape)


def _finite(value: tf.Tensor) -> tf.Tensor:
    """The value, or 0 where it is NaN, as the mean of no value is."""
    import tensorflow as tf

    return tf.where(tf.math.is_finite(value), value, tf.zeros_like(value))
