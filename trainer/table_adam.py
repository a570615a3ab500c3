"""Adam whose large tables change only where a batch has gradients for them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import tensorflow as tf
import tf_keras as keras

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


class RowSums(NamedTuple):
    """A sparse gradient, sorted by rows, with each row's gradients added up.

    It has as many entries as before, however often a row was named. So the shape is known before
    the rows are, which is what XLA needs.

    Attributes:
        rows: The rows [n], ascending; one that was named several times is here as often.
        sums: For each entry its row's whole gradient [n, ...].
        is_first: Whether an entry is the first of its row, [n].
    """

    rows: tf.Tensor
    sums: tf.Tensor
    is_first: tf.Tensor

    @classmethod
    def of(cls, gradient: tf.IndexedSlices) -> RowSums:
        """Adds up what a gradient has for each row."""
        # Sorted, so that a row's entries lie side by side and the first one of them is known.
        order = tf.argsort(gradient.indices, stable=True)
        rows = tf.gather(gradient.indices, order)
        values = tf.gather(gradient.values, order)
        is_first = tf.concat([tf.ones_like(rows[:1], tf.bool), rows[1:] != rows[:-1]], 0)
        place = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
        sums = tf.math.unsorted_segment_sum(values, place, tf.size(rows))
        return cls(rows, tf.gather(sums, place), is_first)

    def square_sum(self) -> tf.Tensor:
        """The squared norm of the gradient, each row counted once."""
        squares = tf.reduce_sum(tf.square(self.sums), list(range(1, self.sums.shape.rank)))
        return tf.reduce_sum(tf.where(self.is_first, squares, 0.0))


@keras.utils.register_keras_serializable(package="srp4ctr")
class TableAdam(keras.optimizers.Adam):
    """Adam that leaves rows of large tables alone while they have no gradient.

    Keras's Adam lets the moments of every row decay at every step, and so writes whole tables: with
    a million rows that takes longer than all the rest of a step. Here a sparse gradient reads and
    writes the rows that it has. Such tables have a learning rate of their own.

    Args:
        table_rate: A sparsely updated table's learning rate, as a multiple of the others'.
        sparse_above: Rows past which a variable is such a table, where its gradient is sparse.
        **kwargs: As for Adam.
    """

    def __init__(self, table_rate: float = 1.0, sparse_above: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table_rate = table_rate
        self.sparse_above = sparse_above

    def _clip_gradients(self, grads: list[Gradient]) -> list[Gradient]:
        """Cuts by the norm of the gradient, once a row's several gradients are added up.

        Keras adds them up afterwards. Its norm depends on how often a batch names a row, and on how
        many devices share the batch.
        """
        clipped: list[Gradient] = super()._clip_gradients(super()._deduplicate_sparse_grad(grads))
        return clipped

    def _deduplicate_sparse_grad(self, grads: list[Gradient]) -> list[Gradient]:
        return grads  # by then it is done

    def update_step(self, gradient: Gradient, variable: tf.Variable) -> None:
        """See keras.optimizers.Optimizer; a row's several gradients are added up by then."""
        if not isinstance(gradient, tf.IndexedSlices) or not self._is_large(variable):
            super().update_step(gradient, variable)
            return
        self._update_rows(variable, gradient.indices, gradient.values, self._corrected_rate())

    def _is_large(self, variable: tf.Variable) -> bool:
        return variable.shape.rank > 0 and variable.shape[0] > self.sparse_above

    def _corrected_rate(self) -> tf.Tensor:
        """The learning rate with Adam's bias correction, the same for all variables of a step."""
        step = tf.cast(self.iterations + 1, tf.float32)
        correction = tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        return tf.cast(self.learning_rate, tf.float32) * correction

    def _update_rows(
        self, variable: tf.Variable, rows: tf.Tensor, sums: tf.Tensor, rate: tf.Tensor
    ) -> None:
        """Updates some rows by Adam.

        Args:
            variable: The table.
            rows: Which rows [n]; one may be there several times.
            sums: Their whole gradients [n, ...], the same each time that a row is there.
            rate: The learning rate with bias correction.
        """
        place = self._index_dict[self._var_key(variable)]
        first = self._momentums[place]
        second = self._velocities[place]
        mean = self.beta_1 * tf.gather(first, rows) + (1 - self.beta_1) * sums
        square = self.beta_2 * tf.gather(second, rows) + (1 - self.beta_2) * tf.square(sums)
        change = self.table_rate * rate * mean / (tf.sqrt(square) + self.epsilon)
        changed = tf.gather(variable, rows) - change
        # Updates, not additions: where a row is there several times, all write the same.
        first.scatter_update(tf.IndexedSlices(mean, rows))
        second.scatter_update(tf.IndexedSlices(square, rows))
        variable.scatter_update(tf.IndexedSlices(changed, rows))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "table_rate": self.table_rate,
            "sparse_above": self.sparse_above,
        }
