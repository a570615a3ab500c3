"""Adam with linear warm-up, polynomial decay and clipping by global norm; large tables have rules of their own."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from trainer.optimizer_config import OptimizerConfig


@keras.utils.register_keras_serializable(package="srp4ctr")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly over `warmup_steps`, then falls to 0 at `total_steps` as (1 - progress) ** power."""

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, power: float) -> None:
        self.peak, self.warmup_steps, self.total_steps, self.power = peak, warmup_steps, total_steps, power

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


@keras.utils.register_keras_serializable(package="srp4ctr")
class TableAdam(keras.optimizers.Adam):
    """Adam that leaves rows of large tables alone while they have no gradient, and gives tables their own rate.

    Keras's Adam lets the moments of every row decay at every step, and so writes whole tables: with a million rows
    that takes longer than all the rest of a step. Here a sparse gradient reads and writes the rows that it has.

    Args:
        table_rate: A sparsely updated table's learning rate, as a multiple of the others'.
        sparse_above: Rows past which a variable is such a table, where its gradient is sparse.
        **kwargs: As for Adam.
    """

    def __init__(self, table_rate: float = 1.0, sparse_above: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table_rate, self.sparse_above = table_rate, sparse_above

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        """Cuts by the norm of the gradient, for which several gradients of one row have to be added up before.

        Keras adds them up afterwards. Its norm depends on how often a batch names a row, and on how many devices
        share the batch.
        """
        clipped: list[Any] = super()._clip_gradients(super()._deduplicate_sparse_grad(grads))
        return clipped

    def _deduplicate_sparse_grad(self, grads: list[Any]) -> list[Any]:
        return grads  # by then it is done

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        """See keras.optimizers.Optimizer; several gradients of one row have been added up by then."""
        if not isinstance(gradient, tf.IndexedSlices) or variable.shape[0] <= self.sparse_above:
            super().update_step(gradient, variable)
            return
        place = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[place], self._velocities[place]
        step = tf.cast(self.iterations + 1, tf.float32)
        rate = self.table_rate * tf.cast(self.learning_rate, tf.float32)
        rate *= tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        rows, values = gradient.indices, gradient.values
        mean = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * values
        square = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * tf.square(values)
        first.scatter_update(tf.IndexedSlices(mean, rows))
        second.scatter_update(tf.IndexedSlices(square, rows))
        variable.scatter_sub(tf.IndexedSlices(rate * mean / (tf.sqrt(square) + self.epsilon), rows))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table_rate": self.table_rate, "sparse_above": self.sparse_above}


def build_optimizer(config: OptimizerConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of `config` for a run of `total_steps`.

    On GPUs Keras would compile its update by XLA, anew for each number of rows that a batch has: at nearly every step.
    """
    schedule = WarmupDecay(config.learning_rate, int(config.warmup * total_steps), total_steps, config.decay_power)
    return TableAdam(
        table_rate=config.table_rate,
        sparse_above=config.sparse_above,
        learning_rate=schedule,
        global_clipnorm=config.clip_norm,
        weight_decay=config.weight_decay or None,
        epsilon=1e-7,
        jit_compile=False,
    )
