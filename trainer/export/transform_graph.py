"""The part of the transform graph that some of its inputs reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

Raw = Mapping[str, Any]  # tf.Tensor or tf.RaggedTensor


class TransformGraph(tf.Module):
    """Applies Transform's graph to some of its inputs, and gives the outputs that depend on no others.

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
        self._inputs = {
            name: [next(flat) for _ in tf.nest.flatten(signature[name], expand_composites=True)]
            for name in sorted(signature)
        }
        self._captured = dict(
            zip((x.name for x in flat), self._function.captured_inputs, strict=True)
        )
        outputs = self._function.structured_outputs
        self._outputs = tf.nest.pack_sequence_as(
            outputs, self._function.outputs, expand_composites=True
        )

    @property
    def input_names(self) -> list[str]:
        """The raw features that it knows."""
        return list(self._inputs)

    def __call__(self, raw: Raw) -> dict[str, Any]:
        """Transformed features of raw ones, with the names, types and shapes of transform_features_layer().

        Raises:
            ValueError: An input is unknown.
        """
        if tf.executing_eagerly():
            return dict(tf.function(self.__call__, autograph=False)(dict(raw)))
        unknown = raw.keys() - self._inputs.keys()
        if unknown:
            raise ValueError(
                f"Transform has no input {', '.join(sorted(unknown))}, only {', '.join(self._inputs)}"
            )
        feeds = dict(self._captured)
        for name, value in raw.items():
            parts = tf.nest.flatten(value, expand_composites=True)
            feeds |= {
                inner.name: part for inner, part in zip(self._inputs[name], parts, strict=True)
            }
        wanted = {name: x for name, x in self._outputs.items() if self._is_reached(x, feeds)}
        return self._import(wanted, feeds)

    def _is_reached(self, output: Any, feeds: Mapping[str, Any]) -> bool:
        placeholders = {x.name for x in self._function.inputs}
        return placeholders.isdisjoint(
            _ancestors(tf.nest.flatten(output, expand_composites=True)) - feeds.keys()
        )

    def _import(self, wanted: Mapping[str, Any], feeds: Mapping[str, Any]) -> dict[str, Any]:
        flat = tf.nest.flatten(wanted, expand_composites=True)
        reached = _ancestors(flat)
        part = self._nodes({name.split(":")[0] for name in reached})
        fed = {
            name: tf.identity(value) for name, value in feeds.items() if name in reached
        }  # captures eager ones
        values = tf.graph_util.import_graph_def(part, fed, [x.name for x in flat], name="transform")
        for value, x in zip(values, flat, strict=True):
            value.set_shape(x.shape)
        return tf.nest.pack_sequence_as(wanted, values, expand_composites=True)

    def _nodes(self, names: set[str]) -> Any:
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


def _concrete(function: Any) -> Any:
    """Loaded functions have one trace; TensorFlow Transform's versions hand out one or the other."""
    return function.concrete_functions[0] if hasattr(function, "concrete_functions") else function


def _ancestors(tensors: Iterable[tf.Tensor]) -> set[str]:
    """The names of all tensors that some depend on, themselves included."""
    found, pending = set[str](), list(tensors)
    while pending:
        tensor = pending.pop()
        if tensor.name not in found:
            found.add(tensor.name)
            pending += tensor.op.inputs
    return found
