"""Which part of a served model belongs to the host, where a server has a GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager

import tensorflow as tf


def on_host() -> AbstractContextManager[None]:
    """Places operations on the CPU, on any server.

    Strings and vocabularies are the CPU's, for no GPU has kernels for them. Left to itself,
    TensorFlow puts every operation between them that has one on the GPU, and copies there and back
    again. So all that makes indices of a request, and strings of numbers, stays together: a feature
    is copied once, and so is what the ranker answers.

    Variables are not for it: which device they are on, a SavedModel doesn't say.
    """
    return tf.device("CPU:0")
