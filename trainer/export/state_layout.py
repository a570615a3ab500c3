"""Which vectors a stored user state is made of, in the order of its bytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf

from trainer.export.state_vectors import Vectors
from trainer.models.ranker import UserState

MASK = "mask"  # not stored: a state has its number of real positions instead


@dataclasses.dataclass(frozen=True)
class StoredVector:
    """A vector of a user state.

    Attributes:
        name: Its path within the state, such as `mmoe/gates`.
        of: Whether there is one for each user or one for each position of the history.
        width: How many numbers it has.
        dtype: How they are stored.
        bytes: What it takes.
    """

    name: str
    of: Literal["user", "position"]
    width: int
    dtype: str
    bytes: int


def layout_of(state: UserState, dtype: str) -> tuple[StoredVector, ...]:
    """The vectors of a state, in the order in which they are stored.

    Those of the user come first, then those of a position, which are there once for each real
    position. Among these, integers follow the numbers. Else the order is that of the state's
    fields. With int8, the scales of all numbers of a user or a position come before them.

    Args:
        state: An example of the state.
        dtype: How numbers are stored; integers stay int32.
    """
    vectors = []
    for name, leaf in zip(leaf_names(state), tf.nest.flatten(state), strict=True):
        if name == MASK:
            continue
        vectors.append(
            StoredVector(
                name=name,
                of="user" if leaf.shape.rank == 2 else "position",
                width=leaf.shape[-1],
                dtype="int32" if leaf.dtype == tf.int32 else dtype,
                bytes=Vectors([leaf], dtype).bytes,
            )
        )
    return tuple(sorted(vectors, key=lambda one: (one.of != "user", one.dtype == "int32")))


def leaf_names(nest: Any, path: str = "") -> list[str]:
    """The paths of a nest's leaves, in the order of tf.nest.flatten.

    Example:
        >>> leaf_names({"mask": 0, "layers": [{"keys": 1, "values": 2}]})
        ['layers/0/keys', 'layers/0/values', 'mask']
    """
    if isinstance(nest, Mapping):
        children = sorted(nest.items())
    elif hasattr(nest, "_fields"):  # a NamedTuple
        children = list(zip(nest._fields, nest, strict=True))
    elif isinstance(nest, list | tuple):
        children = list(enumerate(nest))
    else:
        return [path]
    names = []
    for name, child in children:
        names += leaf_names(child, f"{path}/{name}" if path else str(name))
    return names
