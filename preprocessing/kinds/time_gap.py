"""Kind `time_gap`: how long before the request a behaviour was."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import pydantic

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    import tensorflow as tf

    from preprocessing.features import ModelFeature
    from preprocessing.transform import Analyses

_LARGEST_GAP_SECONDS = 10 * 365 * 86_400


class TimeGap(Kind):
    """Time from the behaviour to the request, in logarithmic buckets from a second to ten years.

    Behaviours without a time (0) have none.

    Attributes:
        buckets: How many buckets there are.
    """

    sides: ClassVar[tuple[str, ...]] = ("behavior",)

    buckets: int = pydantic.Field(10, ge=2, le=10_000)

    @property
    def size(self) -> int:
        """See Kind."""
        return self.buckets

    def index(self, feature: ModelFeature, graph: Analyses) -> tf.RaggedTensor:
        """See Kind."""
        import tensorflow as tf

        times = graph.behavior_times
        now = tf.gather(graph.request_times, times.value_rowids())
        seconds = tf.cast(tf.maximum(now - times.flat_values, 0), tf.float32)
        scale = self.buckets / math.log1p(_LARGEST_GAP_SECONDS)
        bucket = tf.cast(tf.math.log1p(seconds) * scale, tf.int64)
        index = tf.minimum(bucket, self.buckets - 1) + 1
        return times.with_flat_values(tf.where(times.flat_values != 0, index, tf.zeros_like(index)))
