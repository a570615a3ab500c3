"""Runs trainer.task once for each argument list, in a process that the tests start, watch and kill.

    python -m tests.trainer.training_process '[["pretrain", "run.yaml", ...], ["finetune", ...]]'

DEVICES makes that many logical CPUs. KILL_AT_STEP is the number of training steps after which the
process kills itself as `kill -9` does, without a chance to tidy up.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tests.quick_graphs import leave_graphs_as_traced
from trainer import task


def _make_devices(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * count
    )


def _kill_at(step: int) -> None:
    left = iter(range(step))
    begin = keras.callbacks.BackupAndRestore.on_train_batch_begin

    def counted(self: Any, batch: int, logs: Any = None) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        begin(self, batch, logs)

    keras.callbacks.BackupAndRestore.on_train_batch_begin = counted


def main() -> None:
    if "DEVICES" in os.environ:
        _make_devices(int(os.environ["DEVICES"]))
    if "KILL_AT_STEP" in os.environ:
        _kill_at(int(os.environ.pop("KILL_AT_STEP")))
    leave_graphs_as_traced()  # as the tests that compare weights with it do
    for arguments in json.loads(sys.argv[1]):
        task.run([str(argument) for argument in arguments])


if __name__ == "__main__":
    main()
