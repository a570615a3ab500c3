"""Checks of a signature's inputs inside the graph.

TF Serving checks neither whether shapes fit together nor whether there is anything at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from preprocessing.features import CANDIDATE_ITEM_ID, HISTORY_ITEM_ID, USER_ID
from serving.contract import USER_STATE

_AXES = ("history", "candidate")
_MOST_CELLS = 2**24  # of a feature of parsed tf.Examples: 128 MiB of int64
# What other inputs are compared with, where they are there: the first of each axis.
_LEADERS = (USER_ID, USER_STATE, HISTORY_ITEM_ID, CANDIDATE_ITEM_ID)


def checked(raw: dict[str, tf.Tensor], limits: Mapping[str, int]) -> dict[str, tf.Tensor]:
    """The inputs, unchanged; INVALID_ARGUMENT where they don't fit together.

    There must be a request, inputs along one axis (history or candidates) must have one shape,
    every input one row for each request, and a request to score at least one candidate. No axis may
    be longer than its limit.

    Args:
        raw: Inputs by name, [B] or [B, *].
        limits: The most columns along "history" and "candidate".
    """
    names = sorted(raw, key=lambda name: name not in _LEADERS)  # leaders first
    # The first of each axis, and the first of those without one, are what others must be like.
    first = next((name for name in names if not _axis(name)), names[0])
    batch = tf.shape(raw[first])[0]
    checks = [tf.debugging.Assert(batch > 0, [f"{first} is empty: send at least one request."])]
    leaders: dict[str, str] = {}
    for name in names:
        value = raw[name]
        leader = leaders.setdefault(_axis(name), name)
        if name != leader:
            checks.append(_same(name, tf.shape(value), leader, tf.shape(raw[leader])))
        elif name != first:
            rows = tf.shape(value)[:1]
            checks.append(_same(f"rows of {name}", rows, f"rows of {first}", batch[None]))
    if "candidate" in leaders:
        name = leaders["candidate"]
        message = f"{name} has no candidates: send at least one a request."
        checks.append(tf.debugging.Assert(tf.shape(raw[name])[1] > 0, [message]))
    for axis, name in leaders.items():
        if axis:
            checks.append(_short(name, tf.shape(raw[name])[1], limits[axis]))
    return _after(checks, raw)


def with_checked_shapes(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Parsed features, unchanged; INVALID_ARGUMENT where those along one axis differ in shape.

    Args:
        raw: Features by name, [B] or [B, *].
    """
    leaders: dict[str, str] = {}
    checks = []
    for name in sorted(raw, key=lambda name: name not in _LEADERS):  # leaders first
        leader = leaders.setdefault(_axis(name), name)
        checks.append(_same(name, tf.shape(raw[name]), leader, tf.shape(raw[leader])))
    return _after(checks, raw)


def _after(checks: list[tf.Operation], raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The inputs, which nobody gets to see before the checks have passed."""
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in raw.items()}


def dense(name: str, rows: tf.RaggedTensor) -> tf.Tensor:
    """The rows of a parsed feature as one tensor.

    INVALID_ARGUMENT if one long row would make it huge.
    """
    shape = rows.bounding_shape(out_type=tf.int64)
    message = (
        f"{name}: rows and their longest may have at most {_MOST_CELLS} cells: "
        "send fewer at once. Received:"
    )
    is_small = tf.debugging.Assert(tf.reduce_prod(shape) <= _MOST_CELLS, [message, shape])
    with tf.control_dependencies([is_small]):
        return rows.to_tensor()


def _axis(name: str) -> str:
    """What a feature runs along: history, candidate, or "" where it has one value per request."""
    return next((axis for axis in _AXES if name.startswith(f"{axis}_")), "")


def _short(name: str, columns: tf.Tensor, limit: int) -> tf.Operation:
    message = f"{name} may have at most {limit} columns: send fewer at once. Received:"
    return tf.debugging.Assert(columns <= limit, [message, columns])


def _same(what: str, shape: tf.Tensor, other: str, expected: tf.Tensor) -> tf.Operation:
    message = f"{what} must have the shape of {other}. Received: shapes"
    is_same = tf.reduce_all(tf.equal(shape, expected))
    return tf.debugging.Assert(is_same, [message, shape, expected])
