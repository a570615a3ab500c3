"""A dense layer that sees its input as rows of one matrix."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from trainer.layers.gelu import gelu


@keras.utils.register_keras_serializable(package="srp4ctr")
class RowDense(keras.layers.Dense):
    """keras.layers.Dense along the last axis of [..., C], in fewer operations.

    Keras contracts tensors of rank 3 and more with Tensordot, whose shape arithmetic is a dozen
    operations and which keeps the runtime from fusing product, bias and activation into one. On
    rows it is one matrix product.

    Example:
        >>> RowDense(4)(tf.zeros([2, 5, 3])).shape
        TensorShape([2, 5, 4])
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Projects [..., C] to [..., units]."""
        if inputs.shape.rank == 2:
            return self._of_rows(inputs, training)
        rows = self._of_rows(tf.reshape(inputs, [-1, inputs.shape[-1]]), training)
        return tf.reshape(rows, tf.concat([tf.shape(inputs)[:-1], [self.units]], 0))

    def _of_rows(self, rows: tf.Tensor, training: bool | None) -> tf.Tensor:
        if not (training and self.use_bias and self.activation is keras.activations.gelu):
            return super().call(rows)
        product = tf.matmul(tf.cast(rows, self.compute_dtype), self.kernel)
        return gelu(tf.nn.bias_add(product, self.bias))

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        return tf.TensorShape(input_shape)[:-1].concatenate(self.units)
