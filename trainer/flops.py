"""Floating-point operations of a traced graph, as TensorFlow's profiler counts them."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from trainer.compat.constants import graph_without_variables

# Operations that do arithmetic but for which the profiler has no rule, or none for their body: with
# one of these in the graph the count would be far too low.
_HIDING = {
    "Einsum",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "PartitionedCall",
    "StatefulPartitionedCall",
}
_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}
# A value an element, never counted: a small share of the whole, and alike for all models.
_ELEMENTWISE = {
    "Sigmoid",
    "Tanh",
    "Erf",
    "Exp",
    "Relu",
    "LeakyRelu",
    "Sqrt",
    "SelectV2",
    "Max",
    "Cumsum",
    "DivNoNan",
}


@dataclasses.dataclass(frozen=True)
class FlopCount:
    """The operations of a graph.

    Attributes:
        flops: Counted operations; a multiply-add of a matrix product counts two.
        uncounted: Elements that operations without a rule (activations, exponentials, selections)
            put out. Copies, look-ups and changes of shape or type are no arithmetic and are in
            neither number.
    """

    flops: int
    uncounted: int


def count_flops(function: tf.types.experimental.ConcreteFunction) -> FlopCount:
    """Counts what one call of a concrete function of fully known shapes computes.

    Raises:
        ValueError: the graph has an operation whose cost can't be read, or a matrix product of
            unknown shape.
    """
    graph = graph_without_variables(function)
    operations = graph.get_operations()
    unreadable = set()
    for operation in operations:
        if operation.type in _HIDING:
            unreadable.add(operation.type)
        if operation.type in _PRODUCTS and not _is_known(operation):
            unreadable.add(f"{operation.type} {operation.name}")
    if unreadable:
        raise ValueError(
            f"the cost of these operations can't be read from the graph: {sorted(unreadable)}."
        )
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    profile = tf.compat.v1.profiler.profile(graph, options={**options, "output": "none"})
    uncounted = 0
    for operation in operations:
        if operation.type in _ELEMENTWISE:
            uncounted += operation.outputs[0].shape.num_elements() or 0
    return FlopCount(int(profile.total_float_ops), int(uncounted))


def _is_known(operation: tf.Operation) -> bool:
    """Whether the shapes of all that it takes and gives are known."""
    tensors = [*operation.inputs, *operation.outputs]
    return all(tensor.shape.is_fully_defined() for tensor in tensors)
