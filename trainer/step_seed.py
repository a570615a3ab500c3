"""Random numbers that are a function of the training step.

So a resumed run draws what it would have drawn. TensorFlow's stateful random operations start over
in a new process; a run that goes on from a checkpoint would drop other units, and sample other
negatives, than an unbroken one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

_REPLICA = 7919  # what the keys of two neighbouring replicas lie apart; a prime
_current = threading.local()  # replicas are traced in threads of their own


@contextlib.contextmanager
def at_step(step: tf.Tensor) -> Iterator[None]:
    """Makes `step` the one that `step_seed` draws from, within this block and thread."""
    before = getattr(_current, "step", None)
    _current.step = tf.cast(step, tf.int32)
    try:
        yield
    finally:
        _current.step = before


def step_seed(key: int) -> tf.Tensor:
    """A seed [2] for stateless random operations, of its own for each key, step and replica.

    Args:
        key: Tells the places apart that draw within a step.

    Returns:
        Outside of a training step, where nothing has to be repeatable, any seed.
    """
    step = getattr(_current, "step", None)
    if step is None:
        return tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context else 0
    place = tf.constant(key, tf.int32) + _REPLICA * tf.cast(replica, tf.int32)
    return tf.stack([place, step])


def step_uniform(shape: tf.Tensor | list[tf.Tensor | int], seed: tf.Tensor) -> tf.Tensor:
    """Random numbers from 0 to below 1, float32, by a seed [2].

    They are the same on every device, and compiled by XLA or not: tf.random.stateless_uniform's,
    but for the bits that become a number, of which XLA would take others than TensorFlow does.
    """
    bits = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
    return tf.cast(tf.bitwise.bitwise_and(bits, 2**23 - 1), tf.float32) * 2.0**-23
