"""TableAdam in a few operations: all variables but large tables are updated as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from trainer.table_adam import Gradient, RowSums, TableAdam

Pairs = Sequence[tuple[Gradient, tf.Variable]]


class _Group(NamedTuple):
    """Variables that lie one below the other without a reshape.

    Attributes:
        keys: Which variables they are.
        rows: How many rows each has; 1 for a scalar.
        row: The shape of a row, which is the same for all.
    """

    keys: list[str]
    rows: list[int]
    row: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers they are."""
        return sum(self.rows) * tf.TensorShape(self.row).num_elements()


@keras.utils.register_keras_serializable(package="srp4ctr")
class FlatAdam(TableAdam):
    """TableAdam that lays gradients end to end, and so updates all small variables at once.

    Keras's Adam takes two dozen operations for each variable: on a GPU the hundreds of small
    kernels of a step take longer to start than to run. Here a variable costs one, the subtraction.
    Variables whose rows are of one shape are laid below each other at once, and these blocks end to
    end; both moments of all small variables are one vector each. Where variables lie on several
    machines they can't be updated as one: there TableAdam does it.

    Gradients of small tables are made dense, and those of large ones sorted and added up
    (`RowSums`).
    """

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Makes the moments: one vector for all small variables, one for each large table."""
        super(keras.optimizers.Adam, self).build(var_list)  # Adam would make two for each variable
        if getattr(self, "_built", False):
            return
        self._built = True
        small = [variable for variable in var_list if not self._is_large(variable)]
        large = [variable for variable in var_list if self._is_large(variable)]
        self._groups = self._no_dependency(self._grouped(small))
        self._build_index_dict(large)
        self._momentums = [self.add_variable_from_reference(variable, "m") for variable in large]
        self._velocities = [self.add_variable_from_reference(variable, "v") for variable in large]
        if small:
            shape = [sum(group.size for group in self._groups)]
            self._flat_momentum = self.add_variable_from_reference(small[0], "flat_m", shape)
            self._flat_velocity = self.add_variable_from_reference(small[0], "flat_v", shape)

    def _grouped(self, variables: Sequence[tf.Variable]) -> list[_Group]:
        """The variables, those with rows of one shape together."""
        groups: dict[tuple[int, ...], _Group] = {}
        for variable in variables:
            shape = tuple(variable.shape)
            group = groups.setdefault(shape[1:], _Group([], [], shape[1:]))
            group.keys.append(self._var_key(variable))
            group.rows.append(shape[0] if shape else 1)
        return list(groups.values())

    def aggregate_gradients(self, grads_and_vars: Pairs) -> list[tuple[Gradient, tf.Variable]]:
        """See keras.optimizers.Optimizer; devices exchange dense gradients of small tables."""
        with tf.name_scope(self.name):
            pairs = [(self._dense_if_small(gradient, var), var) for gradient, var in grads_and_vars]
        aggregated: list[tuple[Gradient, tf.Variable]] = super().aggregate_gradients(pairs)
        return aggregated

    def _dense_if_small(self, gradient: Gradient, variable: tf.Variable) -> Gradient:
        if not isinstance(gradient, tf.IndexedSlices) or self._is_large(variable):
            return gradient
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, variable.shape[0])

    def _clip_gradients(self, grads: list[Gradient]) -> list[Gradient]:
        return grads  # `_update` cuts them once they are one

    def _distributed_apply_gradients_fn(
        self, distribution: tf.distribute.Strategy, grads_and_vars: Pairs, **kwargs: Any
    ) -> tf.Operation:
        """Keras's hook, called once for a step with the gradients of all devices added up."""
        gradients, variables = zip(*grads_and_vars, strict=True)

        def update(_: tf.Variable, *gradients: Gradient) -> None:
            self._update(gradients, variables)

        distribution.extended.update(variables[0], update, args=gradients, group=False)
        return self.iterations.assign_add(1)

    def _update(self, gradients: Sequence[Gradient], variables: Sequence[tf.Variable]) -> None:
        """Clips and applies the gradients of one device's variables."""
        by_key = {}
        for variable, gradient in zip(variables, gradients, strict=True):
            by_key[self._var_key(variable)] = gradient
        flat = self._flat(by_key)
        large = {}
        for variable in variables:
            if self._is_large(variable):
                gradient = by_key[self._var_key(variable)]
                is_sparse = isinstance(gradient, tf.IndexedSlices)
                large[self._var_key(variable)] = RowSums.of(gradient) if is_sparse else gradient
        scale = self._scale([flat, *large.values()])
        rate = self._corrected_rate()
        steps = self._flat_steps(flat * scale, rate)
        for variable in variables:
            key = self._var_key(variable)
            if key in steps:
                variable.assign_sub(_shaped(steps[key], variable.shape))
            elif isinstance(large[key], RowSums):
                self._update_rows(variable, large[key].rows, large[key].sums * scale, rate)
            else:
                self.update_step(large[key] * scale, variable)

    def _flat(self, by_key: dict[str, Gradient]) -> tf.Tensor:
        """The gradients of all small variables, one after the other; 0 for those that have none."""
        blocks = []
        for group in self._groups:
            block = []
            for key, rows in zip(group.keys, group.rows, strict=True):
                shape = [rows, *group.row]
                gradient = by_key.get(key)
                block.append(tf.zeros(shape) if gradient is None else _shaped(gradient, shape))
            blocks.append(_shaped(_joined(block), [group.size]))
        return _joined(blocks) if blocks else tf.zeros([0])

    def _scale(self, gradients: Sequence[tf.Tensor | RowSums]) -> tf.Tensor:
        """What `tf.clip_by_global_norm` multiplies gradients by.

        It is NaN where their norm isn't finite.
        """
        if not self.global_clipnorm:
            return tf.constant(1.0)
        squares = []
        for gradient in gradients:
            is_sparse = isinstance(gradient, RowSums)
            squares.append(gradient.square_sum() if is_sparse else 2 * tf.nn.l2_loss(gradient))
        norm = tf.sqrt(tf.add_n(squares))
        scale = self.global_clipnorm * tf.minimum(1 / norm, 1 / self.global_clipnorm)
        return scale + (norm - norm)  # adds 0, or NaN where the norm is infinite or NaN

    def _flat_steps(self, gradient: tf.Tensor, rate: tf.Tensor) -> dict[str, tf.Tensor]:
        """Updates the moments of the small variables; returns what each is to be lowered by."""
        if not self._groups:
            return {}
        mean = self.beta_1 * self._flat_momentum + (1 - self.beta_1) * gradient
        square = self.beta_2 * self._flat_velocity + (1 - self.beta_2) * tf.square(gradient)
        self._flat_momentum.assign(mean)
        self._flat_velocity.assign(square)
        step = rate * mean / (tf.sqrt(square) + self.epsilon)
        steps: dict[str, tf.Tensor] = {}
        blocks = _parts(step, [group.size for group in self._groups])
        for group, block in zip(self._groups, blocks, strict=True):
            rows = _parts(_shaped(block, [sum(group.rows), *group.row]), group.rows)
            steps.update(zip(group.keys, rows, strict=True))
        return steps


def _joined(tensors: list[tf.Tensor]) -> tf.Tensor:
    return tensors[0] if len(tensors) == 1 else tf.concat(tensors, 0)


def _parts(tensor: tf.Tensor, sizes: list[int]) -> list[tf.Tensor]:
    parts: list[tf.Tensor] = [tensor] if len(sizes) == 1 else tf.split(tensor, sizes)
    return parts


def _shaped(values: tf.Tensor, shape: tf.TensorShape | list[int]) -> tf.Tensor:
    """A reshape, left out where there is nothing to reshape."""
    return values if values.shape == tf.TensorShape(shape) else tf.reshape(values, shape)
