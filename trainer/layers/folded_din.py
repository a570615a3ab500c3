"""DIN's target attention with its first layer folded into a user's, a candidate's and a pair's share."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras


class DinState(NamedTuple):
    """The user's share: the embedded history [B, L, D] and its term of the first layer [B, L, H1]."""

    history: tf.Tensor
    key_term: tf.Tensor


@keras.utils.register_keras_serializable(package="srp4ctr")
class FoldedDin(keras.layers.Layer):
    """Target attention (DIN, arXiv 1706.06978, section 4.3), unnormalised as in the paper.

    The attention unit's first layer over [k, q, k - q, k * q] is (W_k + W_d) k + (W_q - W_d) q + W_p (k * q) + b.
    The three kernels in brackets are the parameters here: the same functions, without the redundant fourth. The
    first term belongs to the user state, the second is once a candidate, only the third is once a pair, and it is
    one matrix product: history [L, D] times W_p scaled by each candidate [D, N * H1].

    Args:
        units: Hidden units (H1, H2) of the attention unit, with sigmoid activations.
    """

    def __init__(self, units: tuple[int, int] = (80, 40), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if len(units) != 2:
            raise ValueError(f"units must be two widths. Received: units={units}")
        self.units = (int(units[0]), int(units[1]))
        self.of_key = keras.layers.Dense(units[0], name="of_key")
        self.of_query = keras.layers.Dense(units[0], use_bias=False, name="of_query")
        self.hidden = keras.layers.Dense(units[1], activation="sigmoid", name="hidden")
        self.score = keras.layers.Dense(1, name="score")

    def build(self, input_shape: Any) -> None:
        width = tf.TensorShape(input_shape)[-1]
        self.pair_kernel = self.add_weight("pair_kernel", (width, self.units[0]), initializer="glorot_uniform")
        super().build(input_shape)

    def user_state(self, history: tf.Tensor) -> DinState:
        """The user's share of attention over history [B, L, D]."""
        return DinState(history, self.of_key(history))

    def call(self, candidates: tf.Tensor, state: DinState, mask: tf.Tensor) -> tf.Tensor:
        """Pools the history for each candidate [B, N, D] under the mask [B, L]: [B, N, D]."""
        pair = self._pair_term(candidates, state.history)
        first = tf.sigmoid(pair + state.key_term[:, :, None] + self.of_query(candidates)[:, None])
        weights = self.score(self.hidden(first))[..., 0]  # [B, L, N]
        weights = weights * tf.cast(mask, weights.dtype)[:, :, None]
        return tf.matmul(weights, state.history, transpose_a=True)

    def _pair_term(self, candidates: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
        """W_p (k * q) for every pair: [B, L, N, H1]."""
        batch, count = tf.unstack(tf.shape(candidates)[:2])
        width = candidates.shape[-1]
        transposed = tf.transpose(candidates, (0, 2, 1))[..., None]  # [B, D, N, 1]
        scaled = transposed * tf.cast(self.pair_kernel, candidates.dtype)[None, :, None, :]
        product = tf.matmul(history, tf.reshape(scaled, [batch, width, count * self.units[0]]))
        return tf.reshape(product, [batch, tf.shape(history)[1], count, self.units[0]])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
