"""Whether a stage's steps are compiled by XLA, and the check that they can be."""

from __future__ import annotations

import time

import tensorflow as tf
import tf_keras as keras

from preprocessing.config import ConfigError
from trainer.config import TrainerConfig
from trainer.distribution.feeding import is_parameter_server

_REASONS = ("unsupported", "No registered", "not compilable", "must be a compile-time constant")


def compiles(config: TrainerConfig) -> bool:
    """Whether a model that is made in the scope of the present strategy is compiled.

    `auto` does so for one GPU. Compiled steps save the starts of hundreds of small kernels; on CPUs
    there is little to save, and each shape of a batch takes its time to compile.

    Raises:
        ConfigError: compilation is asked for where it can't be had.
    """
    strategy = tf.distribute.get_strategy()
    if config.jit_compile == "auto":
        has_gpu = bool(tf.config.list_physical_devices("GPU"))
        return has_gpu and strategy.num_replicas_in_sync == 1 and not is_parameter_server(strategy)
    if not config.jit_compile:
        return False
    if is_parameter_server(strategy) or _spreads_beyond_gpus(strategy):
        raise ConfigError(
            "trainer.jit_compile: true compiles for one device, or for several GPUs. Received: "
            f"{type(strategy).__name__} with other devices. Set it to auto or false"
        )
    return True


def _spreads_beyond_gpus(strategy: tf.distribute.Strategy) -> bool:
    """Whether several devices share a step, and not all of them are GPUs."""
    if strategy.num_replicas_in_sync == 1:
        return False
    devices = strategy.extended.worker_devices
    return any(tf.DeviceSpec.from_string(device).device_type != "GPU" for device in devices)


def check_compiles(model: keras.Model, batches: tf.data.Dataset, what: str) -> None:
    """Has XLA read the first training step, so that what it can't compile is refused at once.

    Reading takes seconds, compiling minutes.

    Args:
        model: A compiled Keras model that trains by XLA on one device.
        batches: What it trains on.
        what: The stage, for messages.

    Raises:
        ConfigError: XLA lacks an operation of the step.
    """
    print(
        f"  {what}: XLA reads the step, then compiles it for each shape when it first comes",
        flush=True,
    )
    start = time.monotonic()
    step = tf.function(model.train_step, jit_compile=True)
    # To read the step is to lower it to HLO, where XLA says what it lacks; nothing runs.
    try:
        step.experimental_get_compiler_ir(next(iter(batches)))(stage="hlo")
    except (tf.errors.OpError, ValueError) as error:
        raise ConfigError(
            f"trainer.jit_compile: XLA can't compile the step of {what}: {_reason(error)}. "
            "Set trainer.jit_compile: false"
        ) from error
    print(f"  {what}: XLA can compile it ({time.monotonic() - start:.0f} s)", flush=True)


def _reason(error: Exception) -> str:
    """The line of a long message that says what is missing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if any(reason in line for reason in _REASONS):
            return line[:500]
    return lines[0][:500]
