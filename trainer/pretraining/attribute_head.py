"""Predicts one attribute of hidden behaviours, tied to the attribute's embedding table."""

from __future__ import annotations

import math
import zlib
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.fields import Field
from trainer.layers.field_embedding import FieldEmbedding, lookup
from trainer.layers.layer_norm import LayerNorm
from trainer.layers.row_dense import RowDense
from trainer.pretrain_config import PredictingConfig
from trainer.step_seed import step_seed, step_uniform

_SCORES = 2**25  # at once, 128 MiB
_NEVER = -1e9  # a logit whose exponential beside any other is 0


class Prediction(NamedTuple):
    """What a head makes of M hidden cells.

    Attributes:
        loss: Of each cell, [M].
        correct: Whether the best guess was right, [M].
        weight: What each cell counts, [M]: 0 where nothing is known.
    """

    loss: tf.Tensor
    correct: tf.Tensor
    weight: tf.Tensor


class AttributeHead(keras.layers.Layer):
    """Predicts the values of hidden cells: a softmax over the field's values.

    The softmax is sampled, with log-Q correction, of fields with more than so many values. For
    fields that have several values in a cell there is a sigmoid for each value instead.

    Args:
        field: The field to predict.
        embedding: Its embedding, whose table gives the output weights.
        config: The size past which the softmax is sampled.
    """

    def __init__(
        self, field: Field, embedding: FieldEmbedding, config: PredictingConfig, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.field = field
        self.embedding = embedding
        self.config = config
        self._key = zlib.crc32(self.name.encode()) % 2**30

    def build(self, input_shape: tf.TensorShape) -> None:
        self.dense = RowDense(self.embedding.dim, activation="gelu", name="dense")
        self.norm = LayerNorm(epsilon=1e-6, name="norm")
        self.bias = self.add_weight(
            "bias", (self.field.size,), initializer="zeros", experimental_autocast=False
        )
        super().build(input_shape)

    def call(
        self, hidden: tf.Tensor, targets: tf.Tensor, training: bool | None = None
    ) -> Prediction:
        """Predicts targets [M] (or [M, V]) from the encoder's output [M, D]."""
        hidden = self._projected(hidden, training)
        if self.field.multivalent:
            return self._several(hidden, targets)
        if self.field.size <= self.config.sampled_softmax_above:
            return self._one(hidden, targets)
        return self._sampled(hidden, targets) if training else self._by_blocks(hidden, targets)

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """Scores of all values, of the encoder's output [M, D]: [M, size].

        Index 0, which stands for an absent value, has a very low score.
        """
        return self._logits(self._projected(hidden))

    def _projected(self, hidden: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return self.norm(self.dense(hidden, training=training), training=training)

    def _logits(self, hidden: tf.Tensor) -> tf.Tensor:
        bias = tf.concat([[_NEVER], tf.cast(self.bias, tf.float32)[1:]], 0)
        return self._products(hidden, self.embedding.table[: self.field.size]) + bias

    def _products(self, hidden: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """All products of [M, D] and [S, D], by the configured precision, as float32 [M, S].

        What follows, the logarithm of the sum of exponentials above all, is float32 whatever the
        precision.
        """
        rows = tf.cast(rows, self.compute_dtype)
        return tf.cast(tf.matmul(tf.cast(hidden, rows.dtype), rows, transpose_b=True), tf.float32)

    def _one(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        logits = self._logits(hidden)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
        return Prediction(loss, tf.argmax(logits, 1) == targets, tf.cast(targets > 0, tf.float32))

    def _by_blocks(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        """As `_one`, some cells after others.

        The scores of a million values for all cells at once would fill the memory.
        """
        rows = max(_SCORES // self.field.size, 1)
        count = tf.shape(hidden)[0]
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
        """As `_one`, with a softmax over the target and some negatives.

        Negatives are log-uniform, for indices are ordered by frequency; one that is a cell's own
        target is left out. That is tf.nn.sampled_softmax_loss, but for an operation of its own that
        finds these: XLA doesn't know it.
        """
        count = self.config.sampled_classes
        seed = step_seed(self._key)
        negatives, expected, expected_negatives = log_uniform_samples(
            targets, count, self.field.size, seed
        )
        named = tf.concat([targets, negatives], 0)
        sizes = [tf.shape(targets)[0], count]
        own, others = tf.split(lookup(self.embedding.table, named), sizes)
        own_bias, other_bias = tf.split(tf.cast(lookup(self.bias, named), tf.float32), sizes)
        own_product = tf.reduce_sum(tf.cast(hidden, tf.float32) * tf.cast(own, tf.float32), 1)
        right = own_product + own_bias - tf.math.log(expected)
        wrong = self._products(hidden, others) + other_bias - tf.math.log(expected_negatives)
        wrong = tf.where(targets[:, None] == negatives, _NEVER, wrong)
        logits = tf.concat([right[:, None], wrong], 1)  # the right one is at 0
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros_like(targets), logits)
        return Prediction(loss, tf.zeros_like(targets, tf.bool), tf.cast(targets > 0, tf.float32))

    def _several(self, hidden: tf.Tensor, targets: tf.Tensor) -> Prediction:
        """Predicts all values of multivalent cells, targets [M, V]."""
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
        The indices [count], and how often each target and each drawn index is expected among
        `count` draws.
    """
    scale = math.log(size)
    drawn = tf.exp(step_uniform([count], seed) * scale)
    indices = tf.clip_by_value(tf.cast(drawn, tf.int64), 1, size - 1)

    def expected(index: tf.Tensor) -> tf.Tensor:
        return count * tf.math.log1p(1 / tf.maximum(tf.cast(index, tf.float32), 1.0)) / scale

    return indices, expected(targets), expected(indices)
