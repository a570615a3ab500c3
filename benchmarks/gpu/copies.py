"""What a served signature copies between a GPU and its host, told without a GPU."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.python.grappler import tf_optimizer
from tensorflow.python.training.saver import export_meta_graph

# Strings, tables and ragged parts: no GPU holds them.
_OF_THE_HOST = (tf.string, tf.variant)
# Sizes are in the host's memory, whichever operation makes or reads them; of resources only the
# handles are passed on.
_NEVER_COPIED = (tf.int32, tf.resource)


def copies(signature: Any) -> dict[str, int]:
    """How many tensors a call of a signature copies to the GPU, and back.

    An operation is on the host if it asks to be, or if it has to do with strings or vocabularies;
    else it is on the GPU. A tensor that many operations read is copied once.

    Args:
        signature: A concrete function.

    Returns:
        `to_device` and `to_host`.
    """
    graph = _inlined(signature)
    fed = len(signature.inputs) - len(signature.captured_inputs)
    captured = {tensor.name for tensor in signature.inputs[fed:]}
    # Each tensor that is read, and whether its reader is on the host, as who gets the outputs is.
    read: list[tuple[tf.Tensor, bool]] = []
    for output in signature.outputs:
        read.append((graph.get_tensor_by_name(output.name), True))
    for reader in graph.get_operations():
        if reader.type == "Identity":  # hands a tensor on
            continue
        for tensor in reader.inputs:
            read.append((tensor, _is_on_host(reader)))
    crossing: dict[bool, set[str]] = {False: set(), True: set()}
    for tensor, to_host in read:
        made = _origin(tensor)
        if _is_copied(made) and made.name not in captured and _is_on_host(made.op) != to_host:
            crossing[to_host].add(made.name)
    return {"to_device": len(crossing[False]), "to_host": len(crossing[True])}


def _inlined(signature: Any) -> tf.Graph:
    """A function's graph with those that it calls, as the runtime makes it one."""
    graph = signature.graph
    meta_graph = export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    kept = meta_graph.collection_def["train_op"].node_list.value
    kept.extend(tensor.name for tensor in (*signature.inputs, *signature.outputs))
    config = ConfigProto()
    options = config.graph_options.rewrite_options
    options.min_graph_nodes = -1
    options.optimizers.append("function")
    inlined = tf.Graph()
    with inlined.as_default():
        tf.import_graph_def(tf_optimizer.OptimizeGraph(config, meta_graph), name="")
    return inlined


def _origin(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor that another is, however often it was handed on."""
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


def _is_copied(tensor: tf.Tensor) -> bool:
    """Whether a tensor is neither a size, a handle nor a constant."""
    return tensor.dtype not in _NEVER_COPIED and tensor.op.type != "Const"


def _is_on_host(operation: tf.Operation) -> bool:
    tensors = (*operation.inputs, *operation.outputs)
    is_pinned = "CPU" in operation.device
    is_fed = operation.type == "Placeholder"
    is_vocabulary = "LookupTable" in operation.type
    has_strings = any(tensor.dtype in _OF_THE_HOST for tensor in tensors)
    return is_pinned or is_fed or is_vocabulary or has_strings
