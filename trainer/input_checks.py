"""Checks of a signature's inputs inside the graph: TF Serving checks neither shapes nor emptiness."""

from __future__ import annotations

import tensorflow as tf

_AXES = ("history", "candidate")


def checked(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The inputs, unchanged; running them fails with INVALID_ARGUMENT where they don't fit together.

    There must be a request, inputs along one axis (history or candidates) must have one shape, every input one row
    a request, and a request to score at least one candidate.

    Args:
        raw: Inputs by name, [B] or [B, *].
    """
    first = next(iter(raw))
    batch = tf.shape(raw[first])[0]
    checks = [tf.debugging.Assert(batch > 0, [f"{first} is empty: send at least one request."])]
    leaders: dict[str, str] = {}
    for name, value in raw.items():
        leader = leaders.setdefault(_axis(name), name)
        checks.append(_same(name, tf.shape(value), leader, tf.shape(raw[leader])))
        checks.append(_same(f"rows of {name}", tf.shape(value)[:1], f"rows of {first}", batch[None]))
    if "candidate" in leaders:
        name = leaders["candidate"]
        message = f"{name} has no candidates: send at least one a request."
        checks.append(tf.debugging.Assert(tf.shape(raw[name])[1] > 0, [message]))
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in raw.items()}


def _axis(name: str) -> str:
    return next((axis for axis in _AXES if name.startswith(f"{axis}_")), "")


def _same(what: str, shape: tf.Tensor, other: str, expected: tf.Tensor) -> tf.Operation:
    message = f"{what} must have the shape of {other}. Received: shapes"
    return tf.debugging.Assert(tf.reduce_all(tf.equal(shape, expected)), [message, shape, expected])
