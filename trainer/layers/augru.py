"""A gated recurrent unit whose update gate an attention weight can close."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="srp4ctr")
class Augru(keras.layers.Layer):
    """AUGRU (DIEN, arXiv 1809.03672, section "Interest Evolving Layer").

    With the attention weight a of a behaviour x, and the hidden state h:

        [u, r] = sigmoid(W x + U h + b)
        h' = tanh(W x + r * (U h) + b)
        h <- (1 - a u) h + a u h'

    Without attention weights it is a plain GRU. W x + b is the `input_terms`: it needs no candidate
    and belongs to the user state.

    A sequence of static length is unrolled, so that the cost of every step is in the graph.

    Args:
        units: Width H of the hidden state.

    Example:
        >>> layer = Augru(units=4)
        >>> terms = layer.input_terms(tf.zeros([2, 5, 8]))  # two histories of five behaviours
        >>> layer(terms, attention=tf.ones([2, 3, 5])).shape  # three candidates each
        TensorShape([2, 3, 4])
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be positive. Received: units={units}")
        self.units = units
        self.of_input = keras.layers.Dense(3 * units, name="of_input")

    def build(self, input_shape: tf.TensorShape) -> None:
        shape = (self.units, 3 * self.units)
        self.recurrent_kernel = self.add_weight("recurrent_kernel", shape, initializer="orthogonal")
        super().build(input_shape)

    def input_terms(self, x: tf.Tensor) -> tf.Tensor:
        """W x + b of a sequence [B, L, D]: [B, L, 3 H]."""
        return self.of_input(x)

    def call(self, terms: tf.Tensor, attention: tf.Tensor | None = None) -> tf.Tensor:
        """Runs along the history.

        Args:
            terms: The input terms [B, L, 3 H].
            attention: [B, N, L], 0 on padding; None for a plain GRU, whose outputs on padding mean
                nothing.

        Returns:
            Without attention all hidden states [B, L, H]; with it each candidate's last, [B, N, H].
        """
        # keras.backend.rnn steps along the first axis of each of these.
        by_step = [tf.transpose(terms, (1, 0, 2))]
        if attention is not None:
            by_step.append(tf.transpose(attention, (2, 0, 1))[..., None])
        count = 1 if attention is None else tf.shape(attention)[1]
        start = tf.zeros([tf.shape(terms)[0], count, self.units], terms.dtype)
        last, states, _ = keras.backend.rnn(
            self._step, tuple(by_step), [start], time_major=True, unroll=terms.shape[1] is not None
        )
        if attention is not None:
            return last
        return tf.transpose(states[:, :, 0], (1, 0, 2))

    def _step(
        self, inputs: tuple[tf.Tensor, ...], states: list[tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """One behaviour: inputs [B, 3 H] and [B, N, 1], hidden state [B, N, H]."""
        term = inputs[0][:, None]
        hidden = states[0]
        recurrent = tf.matmul(hidden, tf.cast(self.recurrent_kernel, hidden.dtype))
        gates = tf.sigmoid(term[..., : 2 * self.units] + recurrent[..., : 2 * self.units])
        update, reset = tf.split(gates, 2, -1)
        proposed = tf.tanh(term[..., 2 * self.units :] + reset * recurrent[..., 2 * self.units :])
        if len(inputs) > 1:
            update = update * inputs[1]
        hidden = hidden + update * (proposed - hidden)
        return hidden, [hidden]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
