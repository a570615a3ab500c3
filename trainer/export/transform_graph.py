"""The part of the transform graph that some of its inputs reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

Feature: TypeAlias = tf.Tensor | tf.RaggedTensor
Features = Mapping[str, Feature]
ConcreteFunction: TypeAlias = tf.types.experimental.ConcreteFunction


class TransformGraph(tf.Module):
    """Applies Transform's graph to some of its inputs.

    It gives the outputs that depend on no other inputs.

    `transform_features_layer()` does that too, but it runs the whole graph, with made-up values for
    what is missing, in a function that the runtime can't cut. Here the part that is needed is put
    into the caller's own graph: a request that scores item ids looks up item ids, and nothing else.

    Args:
        directory: Transform's SavedModel.
    """

    def __init__(self, directory: str) -> None:
        super().__init__(name="transform")
        self._loaded = tf.saved_model.load(directory)  # owns the vocabularies
        self._function = _concrete(self._loaded.transform_fn)
        signature = self._function.structured_input_signature[0][0]
        flat = iter(self._function.inputs)
        # A ragged feature is several tensors, which the function takes one after another.
        inputs = {}
        for name in sorted(signature):
            parts = tf.nest.flatten(signature[name], expand_composites=True)
            inputs[name] = [next(flat) for _ in parts]
        self._inputs = inputs
        # What is left stands for what the function captured, such as its vocabularies.
        captured = zip(flat, self._function.captured_inputs, strict=True)
        self._captured = {inner.name: outer for inner, outer in captured}
        outputs = self._function.structured_outputs
        self._outputs = tf.nest.pack_sequence_as(
            outputs, self._function.outputs, expand_composites=True
        )

    @property
    def input_names(self) -> list[str]:
        """The raw features that it knows."""
        return list(self._inputs)

    def __call__(self, raw: Features) -> dict[str, Feature]:
        """The transformed features of raw ones.

        Their names, types and shapes are those of transform_features_layer().

        Raises:
            ValueError: An input is unknown.
        """
        if tf.executing_eagerly():
            return dict(tf.function(self.__call__, autograph=False)(dict(raw)))
        unknown = raw.keys() - self._inputs.keys()
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"Transform has no input {names}, only {', '.join(self._inputs)}")
        feeds = dict(self._captured)
        for name, value in raw.items():
            parts = tf.nest.flatten(value, expand_composites=True)
            for inner, part in zip(self._inputs[name], parts, strict=True):
                feeds[inner.name] = part
        wanted: dict[str, Feature] = {}
        for name, output in self._outputs.items():
            if self._is_reached(output, feeds):
                wanted[name] = output
        return self._import(wanted, feeds)

    def _is_reached(self, output: Feature, feeds: Mapping[str, tf.Tensor]) -> bool:
        """Whether an output depends on nothing that isn't fed."""
        placeholders = {x.name for x in self._function.inputs}
        ancestors = _ancestors(tf.nest.flatten(output, expand_composites=True))
        return placeholders.isdisjoint(ancestors - feeds.keys())

    def _import(self, wanted: Features, feeds: Mapping[str, tf.Tensor]) -> dict[str, Feature]:
        """Copies the part of the graph that makes `wanted` into the caller's."""
        flat = tf.nest.flatten(wanted, expand_composites=True)
        reached = _ancestors(flat)
        part = self._nodes({name.split(":")[0] for name in reached})
        # tf.identity captures eager tensors, which a graph can't be fed with as they are.
        fed = {name: tf.identity(value) for name, value in feeds.items() if name in reached}
        values = tf.graph_util.import_graph_def(part, fed, [x.name for x in flat], name="transform")
        for value, x in zip(values, flat, strict=True):
            value.set_shape(x.shape)
        return tf.nest.pack_sequence_as(wanted, values, expand_composites=True)

    def _nodes(self, names: set[str]) -> GraphDef:
        """A GraphDef of these nodes alone, with the functions they call.

        Control dependencies go: they order assertions and lookups in tables that nobody writes,
        across all inputs.
        """
        part = self._function.graph.as_graph_def()
        kept = [node for node in part.node if node.name in names]
        for node in kept:
            data = [name for name in node.input if not name.startswith("^")]
            del node.input[:]
            node.input.extend(data)
        del part.node[:]
        part.node.extend(kept)
        return part


def _concrete(
    function: tf.types.experimental.GenericFunction | ConcreteFunction,
) -> ConcreteFunction:
    """The one trace of a loaded function.

    Some versions of TensorFlow Transform hand out the function, some the trace itself.
    """
    return function.concrete_functions[0] if hasattr(function, "concrete_functions") else function


def _ancestors(tensors: Iterable[tf.Tensor]) -> set[str]:
    """The names of all tensors that some depend on, themselves included."""
    found: set[str] = set()
    pending = list(tensors)
    while pending:
        tensor = pending.pop()
        if tensor.name not in found:
            found.add(tensor.name)
            pending += tensor.op.inputs
    return found
