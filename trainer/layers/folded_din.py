"""DIN's target attention with its first layer folded into one product of history and candidate."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras


class DinState(NamedTuple):
    """The user's share: the embedded history [B, L, D]."""

    history: tf.Tensor


@keras.utils.register_keras_serializable(package="srp4ctr")
class FoldedDin(keras.layers.Layer):
    """Target attention (DIN, arXiv 1706.06978, section 4.3), unnormalised as in the paper.

    The attention unit's first layer over [k, q, k - q, k * q] is K k + Q q + P (k * q) + b, with K
    = W_k + W_d, Q = W_q - W_d and P = W_p: the same functions, without the redundant fourth kernel.
    For one candidate q that is linear in k: (K + P diag(q)) k + (Q q + b). So each candidate gets a
    matrix [D + 1, H1] of its own, and all pairs of a user are one matrix product: history with a
    column of ones, [L, D + 1], times the candidates' matrices side by side, [D + 1, N * H1].
    Nothing is added to the [L, N, H1] result afterwards.

    The sigmoids are computed as (1 + tanh(x / 2)) / 2, which TensorFlow does in less than half the
    time, and their scales are moved into the small kernels around them.

    Args:
        units: Hidden units (H1, H2) of the attention unit, with sigmoid activations.

    Example:
        >>> layer = FoldedDin(units=(8, 4))
        >>> state = layer.user_state(tf.zeros([2, 5, 3]))
        >>> layer(tf.zeros([2, 7, 3]), state, tf.ones([2, 5], tf.bool)).shape
        TensorShape([2, 7, 3])
    """

    def __init__(self, units: tuple[int, int] = (80, 40), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if len(units) != 2:
            raise ValueError(f"units must be two widths. Received: units={units}")
        self.units = (int(units[0]), int(units[1]))

    def build(self, input_shape: tf.TensorShape) -> None:
        width = tf.TensorShape(input_shape)[-1]
        first, second = self.units
        self.key_kernel = self._kernel("key_kernel", width, first)
        self.query_kernel = self._kernel("query_kernel", width, first)
        self.pair_kernel = self._kernel("pair_kernel", width, first)
        self.first_bias = self.add_weight("first_bias", (first,), initializer="zeros")
        self.hidden_kernel = self._kernel("hidden_kernel", first, second)
        self.hidden_bias = self.add_weight("hidden_bias", (second,), initializer="zeros")
        self.score_kernel = self._kernel("score_kernel", second, 1)
        self.score_bias = self.add_weight("score_bias", (1,), initializer="zeros")
        super().build(input_shape)

    def user_state(self, history: tf.Tensor) -> DinState:
        """The user's share of attention over history [B, L, D]."""
        return DinState(history)

    def call(self, candidates: tf.Tensor, state: DinState, mask: tf.Tensor) -> tf.Tensor:
        """Pools the history for each candidate [B, N, D] under the mask [B, L]: [B, N, D]."""
        history = state.history
        ones = tf.ones_like(history[:, :, :1])
        with_ones = tf.concat([history, ones], -1)
        pairs = tf.matmul(with_ones, self._matrices(candidates))  # [B, L, N * H1]
        # From here on every pair of a behaviour and a candidate is a row: [B * L * N, *].
        first = tf.tanh(tf.reshape(pairs, [-1, self.units[0]]))
        kernel, bias = _of_tanh(self.hidden_kernel, self.hidden_bias)
        second = tf.tanh(tf.nn.bias_add(tf.matmul(first, 0.5 * kernel), 0.5 * bias))
        kernel, bias = _of_tanh(self.score_kernel, self.score_bias)
        scores = tf.nn.bias_add(tf.matmul(second, kernel), bias)
        of_pairs = tf.concat([tf.shape(mask), tf.shape(candidates)[1:2]], 0)
        weights = tf.reshape(scores, of_pairs)  # [B, L, N]
        real = tf.cast(mask, weights.dtype)[:, :, None]
        return tf.matmul(weights * real, history, transpose_a=True)

    def _matrices(self, candidates: tf.Tensor) -> tf.Tensor:
        """Each candidate's matrix, side by side: [B, D + 1, N * H1].

        A candidate's is half of [(K + P diag(q))^T; Q q + b]: tanh takes half of what sigmoid does.
        """
        batch, count = tf.unstack(tf.shape(candidates)[:2])
        width = candidates.shape[-1]
        units = self.units[0]
        key = 0.5 * self.key_kernel
        query = 0.5 * self.query_kernel
        pair = 0.5 * self.pair_kernel
        rows = tf.reshape(candidates, [-1, width])
        # K + P diag(q), [D, B * N, H1], as products of [q_d, 1] and [P_d; K_d]: their gradients are
        # products, too, in less time than the sums that broadcasting would need.
        columns = tf.transpose(rows)
        with_ones = tf.stack([columns, tf.ones_like(columns)], -1)
        of_history = tf.matmul(with_ones, tf.stack([pair, key], 1))
        of_history = tf.transpose(tf.reshape(of_history, [width, batch, count * units]), (1, 0, 2))
        of_ones = tf.nn.bias_add(tf.matmul(rows, query), 0.5 * self.first_bias)
        parts = [of_history, tf.reshape(of_ones, [batch, 1, count * units])]
        return tf.concat(parts, 1)

    def _kernel(self, name: str, rows: int, columns: int) -> tf.Variable:
        return self.add_weight(name, (rows, columns), initializer="glorot_uniform")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def _of_tanh(kernel: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Kernel and bias that make W s + b of t, where the sigmoid s is (1 + t) / 2."""
    half = 0.5 * kernel
    return half, bias + tf.reduce_sum(half, 0)
