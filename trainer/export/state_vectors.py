"""The vectors of a user state, or of one of its positions, as bytes and back, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

from trainer.export.state_numbers import Integers, numbers_of

Item = TypeVar("Item")


class Vectors:
    """Packs vectors that belong together: numbers in a precision, then integers, which stay exact.

    Args:
        examples: A tensor [..., W] for each vector, whose width and dtype are taken.
        dtype: How numbers are stored, one of state_numbers.DTYPES.
    """

    def __init__(self, examples: Sequence[tf.Tensor], dtype: str) -> None:
        self._is_integer = [example.dtype == tf.int32 for example in examples]
        widths = [example.shape[-1] for example in examples]
        self._number_widths = _pick(widths, self._is_integer, False)
        self._integer_widths = _pick(widths, self._is_integer, True)
        self._numbers = numbers_of(dtype, self._number_widths)
        self._integers = Integers(self._integer_widths)

    @property
    def bytes(self) -> int:
        """Bytes per row."""
        return self._numbers.bytes + self._integers.bytes

    def pack(self, vectors: Sequence[tf.Tensor], shape: tf.Tensor) -> tf.Tensor:
        """Packs vectors.

        Args:
            vectors: [..., W] each.
            shape: What is before W: there may be no vector to tell.

        Returns:
            uint8 [..., bytes].
        """
        numbers = _side_by_side(_pick(vectors, self._is_integer, False), shape, tf.float32)
        integers = _side_by_side(_pick(vectors, self._is_integer, True), shape, tf.int32)
        return tf.concat([self._numbers.pack(numbers), self._integers.pack(integers)], -1)

    def unpack(self, packed: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """The vectors, and a scalar that is finite only if all numbers are; zeros give zeros."""
        numbers = self._numbers.unpack(packed[..., : self._numbers.bytes])
        integers = self._integers.unpack(packed[..., self._numbers.bytes :])
        # A split of nothing is one part of width 0, which no vector takes.
        parts = {
            False: iter(tf.split(numbers, self._number_widths or [0], -1)),
            True: iter(tf.split(integers, self._integer_widths or [0], -1)),
        }
        vectors = [next(parts[is_integer]) for is_integer in self._is_integer]
        return vectors, tf.reduce_sum(numbers)


def _pick(items: Sequence[Item], is_integer: Sequence[bool], wanted: bool) -> list[Item]:
    """The items that are integers, or those that aren't."""
    return [item for item, integer in zip(items, is_integer, strict=True) if integer == wanted]


def _side_by_side(vectors: Sequence[tf.Tensor], shape: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Vectors as one, which has width 0 where there is none."""
    none = tf.zeros(tf.concat([shape, [0]], 0), dtype)
    return tf.concat([none, *vectors], -1)
