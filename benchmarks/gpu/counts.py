"""What a training step is made of: on a GPU each operation may be a kernel to start."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras
from tensorflow.core.framework.node_def_pb2 import NodeDef

from trainer.distribution.feeding import WHOLE
from trainer.fitting import Stage

_FREE = ("Const", "Placeholder", "NoOp", "Identity", "ReadVariableOp")
_LOOP = " while("


class Counted(NamedTuple):
    """What a step is made of.

    Attributes:
        operations: Of the step's graph and of the functions that it calls, but for those that cost
            nothing.
        optimizer: How many of them are the optimizer's.
        loops: While loops of the step as XLA is given it.
        optimizer_loops: How many of them are the optimizer's.
        batch_bytes: What one batch brings to the device.
        optimizer_bytes: What the optimizer reads and writes of variables, gradients and moments of
            small tables.
    """

    operations: int
    optimizer: int
    loops: int
    optimizer_loops: int
    batch_bytes: int
    optimizer_bytes: int


def count_step(model: keras.Model, stage: Stage) -> Counted:
    """Counts a stage's step, traced for batches of any shape, and for one batch by XLA."""
    batches = iter(stage.train(WHOLE, 0))
    step = tf.function(model.train_step, reduce_retracing=True)
    graph = step.get_concrete_function(batches.element_spec).graph.as_graph_def()
    nodes = _costly(graph.node)
    called = 0
    for function in graph.library.function:
        called += len(_costly(function.node_def))
    # A scope that is entered again gets a number.
    own = re.compile(rf"\b{model.optimizer.name}(_\d+)?/")
    batch = next(batches)
    model.jit_compile = True
    compiled = tf.function(model.train_step, jit_compile=True)
    hlo = compiled.experimental_get_compiler_ir(batch)(stage="hlo")
    loops = [line for line in hlo.splitlines() if _LOOP in line]
    tensors = tf.nest.flatten(batch)
    parameters = sum(weight.shape.num_elements() for weight in model.trainable_weights)
    return Counted(
        operations=len(nodes) + called,
        optimizer=sum(own.match(node.name) is not None for node in nodes),
        loops=len(loops),
        optimizer_loops=sum(own.search(line) is not None for line in loops),
        batch_bytes=sum(tensor.dtype.size * tensor.shape.num_elements() for tensor in tensors),
        # Gradient, variable and two moments are read, three of them are written.
        optimizer_bytes=4 * 7 * parameters,
    )


def _costly(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    return [node for node in nodes if node.op not in _FREE]


def shapes_of(stage: Stage) -> dict[tuple[Any, ...], int]:
    """The distinct shapes of the batches of an epoch, and how many batches have each."""
    found: dict[tuple[Any, ...], int] = {}
    for batch in itertools.islice(stage.train(WHOLE, 0), stage.steps):
        tensors = tf.nest.flatten(batch)
        shape = tuple(tuple(tensor.shape) for tensor in tensors)
        found[shape] = found.get(shape, 0) + 1
    return found
