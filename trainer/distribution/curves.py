"""Keeps a run's curves, and stops it at its best, across interruptions."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from trainer.distribution.backup import Backup, weights_of


class Curves(keras.callbacks.Callback):
    """Keeps each epoch's logs beside the backup that the run goes on from.

    Args:
        backup: Where they are kept.
        done: How many epochs the backup has behind it.
        writes: Whether this process writes them.
    """

    def __init__(self, backup: Backup, done: int, writes: bool) -> None:
        super().__init__()
        self.backup = backup
        self.writes = writes
        self.logs = backup.read_curves(done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.logs.append({name: float(value) for name, value in (logs or {}).items()})
        if self.writes:
            self.backup.write_curves(self.logs)

    @property
    def has_stopped(self) -> bool:
        """Whether the epochs so far are all that there should be."""
        return False

    def by_name(self) -> dict[str, list[float]]:
        """The curves: for each name one value per epoch."""
        curves: dict[str, list[float]] = {}
        for name in self.logs[0] if self.logs else ():
            curves[name] = [logs[name] for logs in self.logs]
        return curves


class StopAtBest(Curves):
    """Stops once a value has not risen for `patience` epochs.

    It then goes back to the weights that the value was highest with.

    Args:
        backup: As for `Curves`; the best weights go there, too.
        done: As for `Curves`.
        writes: As for `Curves`; only this process goes back to the best weights.
        watched: The value's name.
        patience: In epochs.
    """

    def __init__(
        self, backup: Backup, done: int, writes: bool, watched: str, patience: int
    ) -> None:
        super().__init__(backup, done, writes)
        self.watched = watched
        self.patience = patience

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # The best weights are written before the backup: a run that goes on finds them whole.
        best = self._best_epoch()
        super().on_epoch_end(epoch, logs)
        if self._best_epoch() != best and self.writes:
            self._weights().write(self.backup.best)
        if self.has_stopped:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.writes and self.logs:
            self._weights().read(self.backup.best).assert_existing_objects_matched()

    @property
    def has_stopped(self) -> bool:
        """See Curves; the logs alone tell, so that a run that goes on stops where it had."""
        return len(self.logs) - 1 - self._best_epoch() >= self.patience

    def _best_epoch(self) -> int:
        """The first epoch with the highest value; -1 where there is none yet."""
        values = []
        for logs in self.logs:
            value = logs[self.watched]
            values.append(-math.inf if math.isnan(value) else value)
        return values.index(max(values)) if values else -1

    def _weights(self) -> tf.train.Checkpoint:
        return tf.train.Checkpoint(weights=weights_of(self.model))
