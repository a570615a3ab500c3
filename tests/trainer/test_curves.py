"""A fit that stops at its best, and one that goes on from the backup of one that has stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from trainer.config import TrainerConfig
from trainer.fitting import Stage, fit

VALUES = (0.5, 0.6, 0.55, 0.55, 0.9, 0.1, 0.1)


class _Planned(keras.callbacks.Callback):
    """Puts given values in the logs, one per epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        logs["val_mean_auc"] = VALUES[epoch]


def _build() -> keras.Model:
    model = keras.Sequential([keras.layers.Dense(1)])
    model.build((None, 1))
    model.compile(keras.optimizers.Adam(0.1), "mse", run_eagerly=True)
    return model


def _fit(backup: Path, epochs: int = len(VALUES)) -> tuple[list[float], list[np.ndarray]]:
    """The values watched, and the weights in the end."""
    keras.utils.set_random_seed(1)
    data = tf.data.Dataset.from_tensors((tf.ones([2, 1]), tf.ones([2, 1]))).repeat()
    stage = Stage(
        build=_build,
        train=lambda part, start: data,
        validation=lambda part: data,
        steps=1,
        validation_steps=1,
        epochs=epochs,
        what="test epoch",
        watched=("loss", "val_mean_auc"),
        callbacks=(_Planned(),),
        patience=2,
    )
    model, curves = fit(stage, TrainerConfig(), backup_dir=str(backup))
    return curves["val_mean_auc"], model.get_weights()


@pytest.mark.parametrize("before", [2, 3, 4])
def test_a_fit_that_goes_on_stops_where_it_would_have_stopped(before: int, tmp_path: Path) -> None:
    """The last one had stopped already, and was killed before its weights were used."""
    expected, weights = _fit(tmp_path / "unbroken")
    assert expected == [0.5, 0.6, 0.55, 0.55]
    _fit(tmp_path / "killed", before)
    found, again = _fit(tmp_path / "killed")
    assert found == expected
    for one, other in zip(again, weights, strict=True):
        np.testing.assert_array_equal(one, other)
