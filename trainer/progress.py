"""Tells how far a fit is and how long it has left, on a terminal or in a log."""

from __future__ import annotations

import time

import tf_keras as keras


class EpochProgress(keras.callbacks.Callback):
    """Prints one line per epoch.

    It says what is being done, how far it is, the values watched, and the time left.

    Args:
        what: What is being fitted, such as "pre-training".
        watched: Names in the epoch's logs to show.
        seconds_between: The least time between two lines; the last epoch always has one.
    """

    def __init__(self, what: str, watched: tuple[str, ...], seconds_between: float = 10.0) -> None:
        super().__init__()
        self.what = what
        self.watched = watched
        self.seconds_between = seconds_between

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._started = time.monotonic()
        self._shown = self._started
        self._before: int | None = None  # epochs that an earlier run has done

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._before is None:
            self._before = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        now = time.monotonic()
        total = self.params["epochs"]
        if epoch + 1 < total and now - self._shown < self.seconds_between:
            return
        self._shown = now
        said = [f"  {self.what}: {epoch + 1} of {total}"]
        for name in self.watched:
            if logs and name in logs:
                said.append(f"{name} {logs[name]:.4f}")
        # After the last epoch the model is still exported, which takes its time, too.
        if epoch + 1 < total:
            done_here = epoch + 1 - (self._before or 0)
            left = (now - self._started) / done_here * (total - epoch - 1)
            said.append(f"at most {left:.0f} s left")
        print(", ".join(said), flush=True)
