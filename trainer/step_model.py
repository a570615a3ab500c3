"""The base class of all models that are trained here."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.step_seed import at_step


class StepModel(keras.Model):
    """A Keras model whose training step draws at random by the step's number alone.

    So a step can be repeated, by a run that goes on from a backup; see trainer/step_seed.py.

    Steps are traced without AutoGraph. They hold no Python control flow over tensors, which is all
    that AutoGraph is for. It would convert `tf_keras`'s own code line by line, over and over
    (TensorFlow spares `keras` by name, not `tf_keras`), and take three quarters of the time that
    tracing a step takes.
    """

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: Any) -> Any:
        """See keras.Model."""
        with at_step(self.optimizer.iterations):
            return super().train_step(data)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data: Any) -> Any:
        """See keras.Model."""
        return super().test_step(data)
