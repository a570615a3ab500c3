"""An embedding that grows with a number."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="srp4ctr")
class NumberEmbedding(keras.layers.Layer):
    """Embeds a number x as x w with a learned direction w.

    An absent number, which is 0, gives zeros.

    Args:
        dim: Width D of an embedding.

    Example:
        >>> NumberEmbedding(dim=4)(tf.constant([[0.5, 0.0]])).shape
        TensorShape([1, 2, 4])
    """

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"dim must be positive. Received: dim={dim}")
        self.dim = dim

    def build(self, input_shape: tf.TensorShape) -> None:
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.direction = self.add_weight("direction", (self.dim,), initializer=initializer)
        super().build(input_shape)

    def call(self, numbers: tf.Tensor) -> tf.Tensor:
        """Embeds [...] numbers as [..., D]."""
        return tf.cast(numbers, self.compute_dtype)[..., None] * self.direction

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}
