"""Predicts one attribute of hidden behaviours, tied to the attribute's embedding table."""

from __future__ import annotations

import math
import zlib
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.fields import Field
from trainer.layers.field_embedding import FieldEmbedding
from trainer.pretrain_config import PredictingConfig
from trainer.step_seed import step_seed

_SCORES = 2**25  # at once, 128 MiB


class Prediction(NamedTuple):
    """For M hidden cells: the loss, whether the best guess was right, and the weight (0 where nothing is known)."""

    loss: tf.Tensor
    correct: tf.Tensor
    weight: tf.Tensor


class AttributeHead(keras.layers.Layer):
    """Softmax over a field's values (sampled, with log-Q correction, past a size), or a sigmoid a value.

    Args:
        field: The field to predict.
        embedding: Its embedding, whose table gives the output weights.
        config: The size past which the softmax is sampled.
    """

    def __init__(self, field: Field, embedding: FieldEmbedding, config: PredictingConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field, self.embedding, self.config = field, embedding, config
        self._key = zlib.crc32(self.name.encode()) % 2**30

    def build(self, input_shape: Any) -> None:
        self.dense = keras.layers.Dense(self.embedding.dim, activation=tf.nn.gelu, name="dense")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm")
        self.bias = self.add_weight("bias", (self.field.size,), initializer="zeros", experimental_autocast=False)
        super().build(input_shape)

    def call(self, hidden: tf.Tensor, targets: tf.Tensor, training: bool | None = None) -> Prediction:
        """Predicts targets [M] (or [M, V]) from the encoder's output [M, D]."""
        hidden = self._projected(hidden)
        if self.field.multivalent:
            return self._several(hidden, targets)
        if self.field.size <= self.config.sampled_softmax_above:
            return self._one(hidden, targets)
        return self._sampled(hidden, targets) if training else self._by_blocks(hidden, targets)

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """Scores of all values, absent (0) excluded by a very low score: encoder's output [M, D] -> [M, size]."""
        return self._logits(self._projected(hidden))

    def _projected(self, hidden: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.norm(self.dense(hidden)), tf.float32)

    def _logits(self, hidden: tf.Tensor) -> tf.Tensor:
        bias = tf.concat([[-1e9], tf.cast(self.bias, tf.float32)[1:]], 0)
        return tf.matmul(hidden, self._table(), transpose_b=True) + bias

    def _table(self) -> tf.Tensor:
        return tf.cast(self.embedding.table[: self.field.size], tf.float32)

    def _one(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        logits = self._logits(hidden)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return Prediction(loss, tf.argmax(logits, 1) == targets, tf.cast(targets > 0, tf.float32))

    def _by_blocks(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        """As `_one`, some cells after others: the scores of a million values for all cells would fill the memory."""
        rows, count = max(_SCORES // self.field.size, 1), tf.shape(hidden)[0]
        missing = rows - count % rows
        blocks = tf.reshape(tf.pad(hidden, [[0, missing], [0, 0]]), [-1, rows, self.embedding.dim])
        of_blocks = tf.reshape(tf.pad(targets, [[0, missing]]), [-1, rows])
        predicted = tf.map_fn(
            lambda block: self._one(*block),
            (blocks, of_blocks),
            parallel_iterations=1,
            fn_output_signature=Prediction(tf.float32, tf.bool, tf.float32),
        )
        return Prediction(*(tf.reshape(values, [-1])[:count] for values in predicted))

    def _sampled(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        """Negatives are log-uniform, for indices are ordered by frequency."""
        loss = tf.nn.sampled_softmax_loss(
            weights=getattr(self.embedding.table, "variables", self.embedding.table),
            biases=getattr(self.bias, "variables", self.bias),
            labels=targets[:, None],
            inputs=hidden,
            num_sampled=self.config.sampled_classes,
            num_classes=self.field.size,
            sampled_values=log_uniform_samples(
                targets[:, None], self.config.sampled_classes, self.field.size, step_seed(self._key)
            ),
        )
        return Prediction(loss, tf.zeros_like(targets, tf.bool), tf.cast(targets > 0, tf.float32))

    def _several(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        logits = self._logits(hidden)
        truth = tf.reduce_max(tf.one_hot(targets, self.field.size), 1)[:, 1:]
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, logits[:, 1:]), 1)
        correct = tf.gather(truth, tf.argmax(logits[:, 1:], 1), batch_dims=1) > 0
        return Prediction(loss, correct, tf.cast(tf.reduce_any(targets > 0, 1), tf.float32))


def log_uniform_samples(
    targets: tf.Tensor, count: int, size: int, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Draws indices from 1 to `size` - 1, with replacement, index c as often as log((c + 1) / c).

    tf.random.log_uniform_candidate_sampler does much the same, but can't be seeded by the step.

    Args:
        targets: True indices, any shape.
        count: How many to draw.
        size: The number of indices, with 0, which is never drawn.
        seed: Integers [2].

    Returns:
        The indices [count], and how often each target and each drawn index is expected among `count` draws.
    """
    scale = math.log(size)
    drawn = tf.exp(tf.random.stateless_uniform([count], seed) * scale)
    indices = tf.clip_by_value(tf.cast(drawn, tf.int64), 1, size - 1)

    def expected(index: tf.Tensor) -> tf.Tensor:
        return count * tf.math.log1p(1 / tf.maximum(tf.cast(index, tf.float32), 1.0)) / scale

    return indices, expected(targets), expected(indices)
