"""When steps are compiled by XLA, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf
import tf_keras as keras

from preprocessing.config import ConfigError
from trainer.compilation import check_compiles, compiles
from trainer.config import TrainerConfig
from trainer.step_model import StepModel


@pytest.mark.parametrize(("gpus", "expected"), [([], False), (["GPU:0"], True)])
def test_auto_compiles_where_there_is_a_gpu(
    gpus: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: gpus)
    assert compiles(TrainerConfig()) is expected
    assert compiles(TrainerConfig(jit_compile=True)) and not compiles(
        TrainerConfig(jit_compile=False)
    )


def test_several_devices_that_are_not_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.distribute.MirroredStrategy, "num_replicas_in_sync", 2)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert not compiles(TrainerConfig())
        refusal = "true compiles for one device, .*MirroredStrategy with other devices"
        with pytest.raises(ConfigError, match=f"jit_compile: {refusal}"):
            compiles(TrainerConfig(jit_compile=True))


class _Model(StepModel):
    def __init__(self, hits: bool) -> None:
        super().__init__()
        self.hits = hits
        self.dense = keras.layers.Dense(1)

    def call(self, x: tf.Tensor, training: Any = None) -> tf.Tensor:
        found = self.dense(x)
        if not self.hits:
            return found
        rows, _, _ = tf.nn.compute_accidental_hits(
            tf.zeros([2, 1], tf.int64), tf.zeros([3], tf.int64), 1
        )
        return found + tf.cast(tf.reduce_sum(rows), tf.float32)


def _check(hits: bool) -> None:
    model = _Model(hits)
    model.compile("sgd", "mse", jit_compile=True)
    check_compiles(
        model, tf.data.Dataset.from_tensors((tf.ones([2, 3]), tf.ones([2, 1]))), "a stage"
    )


def test_a_step_that_xla_cannot_compile_is_refused_by_what_it_lacks() -> None:
    _check(hits=False)
    with pytest.raises(
        ConfigError,
        match="XLA can't compile the step of a stage: .*ComputeAccidentalHits.*jit_compile",
    ):
        _check(hits=True)
