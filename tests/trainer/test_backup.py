"""When a fit is backed up, and where the next one goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
import tf_keras as keras

from trainer.distribution.backup import Backup

STEPS_PER_EPOCH = 3


def _fit(backup: Backup, epochs: int) -> list[int]:
    """Fits a line; returns the epochs that were begun."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse", run_eagerly=True)
    model.build((None, 1))
    data = tf.data.Dataset.from_tensors((tf.ones([2, 1]), tf.ones([2, 1]))).repeat()
    begun: list[int] = []
    noted = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: begun.append(epoch))
    model.fit(
        data,
        epochs=epochs,
        steps_per_epoch=STEPS_PER_EPOCH,
        verbose=0,
        callbacks=[backup.callback(), noted],
    )
    return begun


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        pytest.param(2, 9, id="within an epoch, and at its end"),
        pytest.param(3, 9, id="each epoch"),
        pytest.param(7, 6, id="every other epoch"),
        pytest.param(100, 0, id="none so soon"),
    ],
)
def test_a_fit_goes_on_after_its_last_backup(steps: int, kept: int, tmp_path: Path) -> None:
    backup = Backup(str(tmp_path), steps, STEPS_PER_EPOCH)
    assert _fit(backup, epochs=3) == [0, 1, 2]
    assert backup.done_steps() == kept
    assert _fit(backup, epochs=4) == list(range(kept // STEPS_PER_EPOCH, 4))


def test_epochs_shorter_than_a_backup_have_no_hook_at_every_step(tmp_path: Path) -> None:
    """Where one callback has such a hook Keras calls those of all callbacks."""
    assert (
        not Backup(str(tmp_path), 100, STEPS_PER_EPOCH).callback()._implements_train_batch_hooks()
    )
