"""Graphs that run as they were traced."""

from __future__ import annotations

import tensorflow as tf


def leave_graphs_as_traced() -> None:
    """Has TensorFlow optimise no graph of this process.

    Most of the tests' graphs run once or twice, and to optimise one takes longer than that. Two
    processes that are to compute the very same must both do so, or none.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
