"""Steps are traced as they stand, and once."""

from __future__ import annotations

import pytest
import tensorflow as tf
import tf_keras as keras

from trainer.config import TrainerConfig
from trainer.fitting import Stage, fit
from trainer.step_model import StepModel

_BATCHES = tf.data.Dataset.from_tensors((tf.ones([4, 2]), tf.ones([4, 1])))


class _Counted(StepModel):
    """Counts how often a training step is traced."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.tracings = 0

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        self.tracings += bool(training)
        return self.dense(x)


class _Branching(StepModel):
    def call(self, x: tf.Tensor) -> tf.Tensor:
        if tf.reduce_sum(x) > 0:
            return x
        return -x


def test_a_step_is_traced_once() -> None:
    model, curves = fit(_stage(), TrainerConfig())
    assert len(curves["loss"]) == 2
    assert model.tracings == 1


@pytest.mark.parametrize("step", ["fit", "evaluate"])
def test_python_control_flow_over_tensors_is_refused_not_converted(step: str) -> None:
    model = _Branching()
    model.compile("adam", "mse")
    with pytest.raises(TypeError, match="symbolic `tf.Tensor` as a Python `bool`"):
        getattr(model, step)(_BATCHES, verbose=0)


def _stage() -> Stage:
    def build() -> _Counted:
        model = _Counted()
        model(tf.ones([1, 2]))
        model.compile("adam", "mse")
        return model

    return Stage(
        build=build,
        train=lambda part, start: _BATCHES.repeat(),
        validation=lambda part: _BATCHES,
        steps=3,
        validation_steps=1,
        epochs=2,
        what="epoch",
        watched=("loss", "val_loss"),
    )
