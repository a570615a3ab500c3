"""CAN's co-action unit: a candidate's own small network, applied to every behaviour."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="srp4ctr")
class CoAction(keras.layers.Layer):
    """The micro-MLP of CAN (Bian et al., arXiv 2011.05625, section 4).

    Its weights W and biases b are the candidate's embedding, its input is a behaviour's, the feed:

        h_0 = feed^c
        h_i = act(W_i h_{i-1} + b_i)

    where act is tanh, and the identity in the last layer. The outputs of all layers, for the orders
    c = 1 ... C (multi-order enhancement; the orders share W), are summed over the behaviours.

    Args:
        widths: Width of the feed, then of each layer's output.
        orders: The highest order C.

    Example:
        >>> layer = CoAction(widths=(4, 3), orders=2)
        >>> layer.parameters  # 4 * 3 weights and 3 biases
        15
        >>> layer(tf.zeros([2, 7, 15]), tf.zeros([2, 5, 4]), tf.ones([2, 5], tf.bool)).shape
        TensorShape([2, 7, 6])
    """

    def __init__(self, widths: tuple[int, ...], orders: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if len(widths) < 2 or orders < 1:
            raise ValueError(
                f"widths must be two or more, orders one or more. Received: {widths}, {orders}"
            )
        self.widths = tuple(int(width) for width in widths)
        self.orders = orders

    @property
    def parameters(self) -> int:
        """The width of a candidate's embedding: for each layer its weights, then its bias."""
        return sum(before * after + after for before, after in pairwise(self.widths))

    def call(self, induction: tf.Tensor, feed: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Applies each candidate's network.

        Args:
            induction: The candidates' parameters [B, N, parameters].
            feed: The behaviours [B, L, widths[0]].
            mask: Boolean [B, L].

        Returns:
            [B, N, orders * (widths[1] + widths[2] + ...)].
        """
        real = tf.cast(mask, feed.dtype)[:, None, None, :]
        sums = []
        for order in range(1, self.orders + 1):
            hidden = feed[:, None] ** order
            for i, (weight, bias) in enumerate(self._layers(induction)):
                hidden = tf.matmul(hidden, weight) + bias  # [B, N, L, widths[i + 1]]
                if i < len(self.widths) - 2:
                    hidden = tf.tanh(hidden)
                sums.append(tf.matmul(real, hidden)[:, :, 0])
        return tf.concat(sums, -1)

    def _layers(self, induction: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """The layers' weights [B, N, before, after] and biases [B, N, 1, after]."""
        sizes = []
        for before, after in pairwise(self.widths):
            sizes += [before * after, after]
        parts = iter(tf.split(induction, sizes, -1))
        shape = tf.shape(induction)[:2]
        layers = []
        for before, after in pairwise(self.widths):
            weights = tf.reshape(next(parts), tf.concat([shape, [before, after]], 0))
            biases = tf.reshape(next(parts), tf.concat([shape, [1, after]], 0))
            layers.append((weights, biases))
        return layers

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "widths": self.widths, "orders": self.orders}
