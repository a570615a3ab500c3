"""How long before the request a behaviour was."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from preprocessing.kinds.kind import Kind

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses

_LARGEST_GAP_SECONDS = 10 * 365 * 86_400


class TimeGap(Kind):
    """Time from the behaviour to the request, in logarithmic buckets from a second to ten years."""

    sides = ("behavior",)
    column = None

    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """See Kind."""
        import tensorflow as tf

        times = graph.behavior_times
        now = tf.gather(graph.request_times, times.value_rowids())
        seconds = tf.cast(tf.maximum(now - times.flat_values, 0), tf.float32)
        scale = spec.buckets / math.log1p(_LARGEST_GAP_SECONDS)
        bucket = tf.cast(tf.math.log1p(seconds) * scale, tf.int64)
        return times.with_flat_values(tf.minimum(bucket, spec.buckets - 1) + 1)
