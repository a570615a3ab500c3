"""A TensorFlow session, called below the checks that `tf.compat.v1.Session.run` makes in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NewType

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.python.util import deprecation

# The runtime takes handles, not names.
Handle = NewType("Handle", object)


def load_saved_model(session: tf.compat.v1.Session, path: Path) -> MetaGraphDef:
    """Loads the graph and weights that are tagged `serve` into a session.

    Nothing replaces the deprecated loader for a session: its warning says nothing to anyone.
    """
    with session.graph.as_default(), deprecation.silence():
        return tf.compat.v1.saved_model.load(session, ["serve"], str(path))


def handle_of(tensor: tf.Tensor) -> Handle:
    """What the runtime calls a tensor of a graph."""
    return tensor._as_tf_output()


def run_unchecked(
    session: tf.compat.v1.Session, feeds: Mapping[Handle, np.ndarray], fetches: Sequence[Handle]
) -> list[Any]:
    """Runs a graph without a look at its feeds, as the C++ server does.

    Raises:
        tf.errors.OpError: The runtime refused the feeds, or failed.
    """
    return session._call_tf_sessionrun(None, feeds, fetches, [], None)
