"""A dense layer that sees its input as rows of one matrix."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="srp4ctr")
class RowDense(keras.layers.Dense):
    """keras.layers.Dense along the last axis of [..., C], in fewer operations.

    Keras contracts tensors of rank 3 and more with Tensordot, whose shape arithmetic is a dozen operations and which
    keeps the runtime from fusing product, bias and activation into one. On rows it is one matrix product.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[..., C] -> [..., units]."""
        if inputs.shape.rank == 2:
            return super().call(inputs)
        rows = super().call(tf.reshape(inputs, [-1, inputs.shape[-1]]))
        return tf.reshape(rows, tf.concat([tf.shape(inputs)[:-1], [self.units]], 0))

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        return tf.TensorShape(input_shape)[:-1].concatenate(self.units)
