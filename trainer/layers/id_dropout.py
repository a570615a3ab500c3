"""Takes some items' ids for ones that no vocabulary has."""

from __future__ import annotations

import random

import tensorflow as tf
import tf_keras as keras

from trainer.step_seed import step_seed, step_uniform


@keras.utils.register_keras_serializable(package="srp4ctr")
class IdDropout(keras.layers.Layer):
    """Replaces a share of indices by those that words outside of the vocabulary share.

    An item that comes after training is such a word. Where every item of the training data has a
    row of its own, as where `item_min_count` is 1 or the item table has them all, nothing else
    trains the shared rows, and without this layer a new item is scored by what they started from.
    With it they learn what an item is on average, and the rest of the model learns to do without
    the id. The idea is DropoutNet's (Volkovs et al., NeurIPS 2017).

    Args:
        rate: The share, from 0 to below 1.
        size: The number of the field's indices; the last `shared` ones are the shared ones.
        shared: How many these are.

    Example:
        >>> IdDropout(0.5, size=10, shared=1)(tf.constant([3, 4]), training=False).numpy()
        array([3, 4], dtype=int32)
    """

    def __init__(self, rate: float, size: int, shared: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1. Received: rate={rate}")
        if not 0 < shared < size:
            raise ValueError(
                f"some of the indices must be shared. Received: size={size}, shared={shared}"
            )
        self.rate = rate
        self.size = size
        self.shared = shared
        self._key = random.randint(0, 2**30)

    def call(self, indices: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Replaces of indices of any shape; 0, which is nothing, stays."""
        if not training or not self.rate:
            return tf.identity(indices)
        drawn = step_uniform(tf.shape(indices), step_seed(self._key))
        # Below the rate a number is as good as a new one, for which shared index it is.
        number = tf.cast(drawn / self.rate * self.shared, indices.dtype)
        unknown = self.size - self.shared + tf.minimum(number, self.shared - 1)
        return tf.where((drawn < self.rate) & (indices > 0), unknown, indices)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "size": self.size,
            "shared": self.shared,
        }
