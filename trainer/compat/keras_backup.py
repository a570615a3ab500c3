"""Keras's BackupAndRestore, for a part of a model.

Keras backs up whole models only. What it does is in private methods and in a private class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras.src.distribute.worker_training_state import WorkerTrainingState


class PartialBackup(keras.callbacks.BackupAndRestore):
    """A callback that backs up and restores what `kept` gives, and the place in the epoch."""

    def kept(self) -> Mapping[str, Any]:
        """What is backed up of `self.model`, by name in the checkpoint."""
        raise NotImplementedError

    def backup_after_epoch(self, epoch: int) -> None:
        """Backs up, for a run that goes on with the epoch after this one."""
        self._backup(epoch=epoch)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """As Keras's own, but for what is handed to the state."""
        part = _Part(self.model, self.kept())
        state = WorkerTrainingState(part, self.backup_dir, self.save_freq)
        self._training_state = self.model._training_state = state
        state.restore()


class _Part(tf.Module):
    """The part that is kept, with what Keras's state asks of a model."""

    def __init__(self, model: keras.Model, kept: Mapping[str, Any]) -> None:
        super().__init__()
        for name, value in kept.items():
            setattr(self, name, value)
        self.distribute_strategy = model.distribute_strategy
        self._train_counter = model._train_counter
