"""Dropout whose masks are a function of the training step."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.step_seed import step_seed, step_uniform


@keras.utils.register_keras_serializable(package="srp4ctr")
class Dropout(keras.layers.Layer):
    """Zeroes a share of its input while training, and scales the rest up.

    Its masks are a function of the training step, so that a run that was killed goes on as if it
    had not been; see trainer/step_seed.py.

    Args:
        rate: The share, from 0 to below 1.

    Example:
        >>> Dropout(0.5)(tf.ones([3]), training=False).numpy()
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1. Received: rate={rate}")
        self.rate = rate
        self._key = random.randint(0, 2**30)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Drops from x of any shape."""
        if not training or not self.rate:
            return tf.identity(x)
        drawn = step_uniform(tf.shape(x), step_seed(self._key))
        return _kept(x, drawn >= self.rate, 1 / (1 - self.rate))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


def _kept(x: tf.Tensor, mask: tf.Tensor, scale: float) -> tf.Tensor:
    """`scale` times x where the mask is true, else 0; fewer operations than tf.nn.dropout's."""

    @tf.custom_gradient
    def keep(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def of_kept(values: tf.Tensor) -> tf.Tensor:
            return tf.where(mask, values * tf.cast(scale, values.dtype), tf.zeros([], values.dtype))

        return of_kept(x), of_kept

    kept: tf.Tensor = keep(x)
    return kept
