"""Adam with linear warm-up, polynomial decay and clipping by global norm."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.distribution.feeding import is_parameter_server
from trainer.flat_adam import FlatAdam
from trainer.optimizer_config import OptimizerConfig
from trainer.table_adam import TableAdam


@keras.utils.register_keras_serializable(package="srp4ctr")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly, then falls to 0 as (1 - progress) ** power.

    Args:
        peak: The rate at the end of the rise.
        warmup_steps: How many steps it rises over.
        total_steps: The step at which it is 0.
        power: 1.0 falls linearly, 0.0 keeps the peak.
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, power: float) -> None:
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.power = power

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rising = (step + 1) / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        falling = (1.0 - tf.clip_by_value(progress, 0.0, 1.0)) ** self.power
        return self.peak * tf.where(step < self.warmup_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "power": self.power,
        }


def build_optimizer(config: OptimizerConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of `config` for a run of `total_steps`.

    It has to be made in the scope of the strategy that it trains by. On GPUs Keras would compile
    its update by XLA, anew for each number of rows that a batch has: at nearly every step.
    """
    # FlatAdam updates all small variables as one, which parameters on several machines can't be.
    kind = TableAdam if is_parameter_server(tf.distribute.get_strategy()) else FlatAdam
    schedule = WarmupDecay(
        config.learning_rate, int(config.warmup * total_steps), total_steps, config.decay_power
    )
    return kind(
        table_rate=config.table_rate,
        sparse_above=config.sparse_above,
        learning_rate=schedule,
        global_clipnorm=config.clip_norm,
        weight_decay=config.weight_decay or None,
        epsilon=1e-7,
        jit_compile=False,
    )
