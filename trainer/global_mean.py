"""Means over a whole batch when it is spread over replicas."""

from __future__ import annotations

import tensorflow as tf


def replicas() -> int:
    """How many replicas share a step's batch; 1 without a distribution strategy."""
    count: int = tf.distribute.get_strategy().num_replicas_in_sync
    return count


def global_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """This replica's part of the weighted mean over all replicas' values.

    It is 0 where all weights are 0.

    Optimizers add up the replicas' gradients, so the parts' gradients add up to that of the mean,
    however unevenly the weights are spread.
    """
    total = tf.stop_gradient(tf.reduce_sum(weights))
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, total)
    return tf.math.divide_no_nan(tf.reduce_sum(values * weights), total)
