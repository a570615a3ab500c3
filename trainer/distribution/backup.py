"""Backups of a run's progress, from which it goes on after it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.compat.keras_backup import PartialBackup

_CURVES = "curves.json"
_BEST = "best"


class Backup:
    """A directory with the last backup of a stage, its curves, and the best weights so far.

    All processes of a cluster have to see the same directory.

    Args:
        directory: A local path or a URL.
        steps: Steps between two backups. Where an epoch has fewer, there is one at the end of every
            so many epochs.
        steps_per_epoch: Steps between two evaluations.
    """

    def __init__(self, directory: str, steps: int, steps_per_epoch: int) -> None:
        self.directory = directory
        self._steps = steps
        self._steps_per_epoch = steps_per_epoch

    @property
    def _is_within_epochs(self) -> bool:
        return self._steps < self._steps_per_epoch

    @property
    def best(self) -> str:
        """Where the best weights' checkpoint is."""
        return os.path.join(self.directory, _BEST)

    def done_steps(self) -> int:
        """How many steps the last backup has behind it; 0 where there is none."""
        checkpoint = tf.train.latest_checkpoint(os.path.join(self.directory, "chief"))
        if checkpoint is None:
            return 0
        epoch = _saved_number(checkpoint, "epoch")
        # Within epochs Keras counts what has ended: the epoch under way and its last whole batch.
        if self._is_within_epochs:
            return epoch * self._steps_per_epoch + _saved_number(checkpoint, "batch") + 1
        return (epoch + 1) * self._steps_per_epoch

    def callback(self) -> keras.callbacks.Callback:
        """Backs up and restores model, optimizer and position.

        The backup stays until its directory is removed.
        """
        if self._is_within_epochs:
            return _AlsoAtEpochEnd(self.directory, save_freq=self._steps, delete_checkpoint=False)
        return _EveryFewEpochs(self.directory, epochs=self._steps // self._steps_per_epoch)

    def read_curves(self, epochs: int) -> list[dict[str, float]]:
        """The logs of the first `epochs` epochs."""
        path = os.path.join(self.directory, _CURVES)
        if not tf.io.gfile.exists(path):
            return []
        with tf.io.gfile.GFile(path) as file:
            logs: list[dict[str, float]] = json.loads(file.read())
        return logs[:epochs]

    def write_curves(self, logs: list[dict[str, float]]) -> None:
        """Replaces the curves, whole or not at all."""
        path = os.path.join(self.directory, _CURVES)
        tf.io.gfile.makedirs(self.directory)
        # Under another name first: who is killed while it writes leaves the old file whole.
        with tf.io.gfile.GFile(f"{path}.new", "w") as file:
            file.write(json.dumps(logs))
        tf.io.gfile.rename(f"{path}.new", path, overwrite=True)


def _saved_number(checkpoint: str, what: str) -> int:
    """The epoch or batch that Keras's backup was made after."""
    name = f"ckpt_saved_{what}/.ATTRIBUTES/VARIABLE_VALUE"
    return int(tf.train.load_variable(checkpoint, name))


def weights_of(model: keras.Model) -> list[tf.Variable]:
    """A model's weights without those of its metrics, which Keras counts among them.

    To read a metric takes all workers at once, in one order: where only the chief did, for a
    checkpoint of its own, the others would answer it with whatever they compute next.
    """
    metrics = [part for part in model.submodules if isinstance(part, keras.metrics.Metric)]
    of_metrics: set[int] = set()
    for metric in metrics:
        of_metrics.update(id(weight) for weight in metric.weights)
    return [weight for weight in model.weights if id(weight) not in of_metrics]


class _WithoutMetrics(PartialBackup):
    """Backs up all of a model but its metrics, which each epoch starts anew."""

    def kept(self) -> Mapping[str, Any]:
        return {"weights": weights_of(self.model), "optimizer": self.model.optimizer}


class _EveryFewEpochs(_WithoutMetrics):
    """Backs up when every so many epochs have been evaluated.

    No hook of it is called at every step.

    Args:
        directory: Where backups go.
        epochs: From one backup to the next.
    """

    def __init__(self, directory: str, epochs: int) -> None:
        super().__init__(directory, save_freq="epoch", delete_checkpoint=False)
        self._epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self._epochs == 0:
            super().on_epoch_end(epoch, logs)


class _AlsoAtEpochEnd(_WithoutMetrics):
    """Backs up every so many steps, and when an epoch has been evaluated.

    It doesn't between an epoch's last step and its evaluation: a run that went on from there would
    start the next epoch, and never evaluate this one.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch + 1 < self.params["steps"]:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.backup_after_epoch(epoch)
