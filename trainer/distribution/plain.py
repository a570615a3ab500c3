"""A trained model as one that any process can run: float32, outside of any strategy."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf
import tf_keras as keras

from trainer.distribution.feeding import is_parameter_server


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Gives `target` the weights of `source`, an equal model; either may be under some strategy."""
    if not any(is_parameter_server(model.distribute_strategy) for model in (source, target)):
        target.set_weights(source.get_weights())
        return
    # By a checkpoint, which joins what a parameter server has cut into parts.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights")
        tf.train.Checkpoint(model=source).write(path)
        tf.train.Checkpoint(model=target).read(path).assert_existing_objects_matched()


class EvaluatePlain(keras.callbacks.Callback):
    """Evaluates a plain copy at the end of each epoch.

    A parameter server's workers would evaluate in no order at all.

    Args:
        plain: The copy, compiled.
        validation: Its data.
    """

    def __init__(self, plain: keras.Model, validation: tf.data.Dataset) -> None:
        super().__init__()
        self.plain = plain
        self.validation = validation

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # `fit` is inside of its strategy's scope, which is this thread's: another one is outside.
        with ThreadPoolExecutor(1) as thread:
            scores = thread.submit(self._evaluate).result()
        if logs is not None:
            logs |= {f"val_{name}": value for name, value in scores.items()}

    def _evaluate(self) -> dict[str, float]:
        copy_weights(self.model, self.plain)
        scores: dict[str, float] = self.plain.evaluate(self.validation, verbose=0, return_dict=True)
        return scores
