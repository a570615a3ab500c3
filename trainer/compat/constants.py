"""TensorFlow's way to make constants of the variables that a graph reads."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def graph_without_variables(function: tf.types.experimental.ConcreteFunction) -> tf.Graph:
    """The graph of a concrete function, its calls inlined and its variables made constants."""
    return convert_variables_to_constants_v2(function).graph
