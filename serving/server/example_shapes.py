"""What serialised tf.Examples will be as tensors, found before a graph parses them."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving import contract, tensors
from serving.server.message_scan import scan_values

Shapes = dict[str, list[int]]


def example_shapes(inputs: Mapping[str, TensorProto], max_values: int) -> Shapes:
    """The shapes of the features in a request's tf.Examples: rows, and the most values of a row.

    Args:
        inputs: A request's TensorProtos, whose shapes are checked.
        max_values: The most values of all examples together.

    Returns:
        Feature name -> shape; none where the request has no examples. What can't be parsed is left
        to the graph, which refuses it.

    Raises:
        RequestError: INVALID_ARGUMENT: there are more values.
    """
    if contract.EXAMPLES not in inputs or inputs[contract.EXAMPLES].dtype != tensors.STRING:
        return {}
    proto = inputs[contract.EXAMPLES]
    values = 0
    longest: dict[str, int] = {}
    for blob in proto.string_val:
        values = scan_values(blob, tf.train.Example, max_values, values)
        for name, count in _counts(blob).items():
            longest[name] = max(longest.get(name, 0), count)
    # A shape of more elements than there are values repeats the last of them.
    rows = 1
    for dim in proto.tensor_shape.dim:
        rows *= dim.size
    return {name: [rows, count] for name, count in longest.items()}


def _counts(blob: bytes) -> dict[str, int]:
    """The values of each feature of an example."""
    try:
        features = tf.train.Example.FromString(blob).features.feature
    except DecodeError:
        return {}
    counts = {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        counts[name] = len(getattr(feature, kind).value) if kind else 0
    return counts
