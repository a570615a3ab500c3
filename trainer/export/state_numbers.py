"""Rows of numbers as bytes and back, inside the graph, in the precisions of user states."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import get_args

import numpy as np
import tensorflow as tf

from trainer.config import StateDtype

DTYPES: tuple[str, ...] = get_args(StateDtype)

_SHARING = 32  # neighbouring int8 numbers of one vector that share a scale
_INT8_MAX = 127


class Numbers(abc.ABC):
    """Packs rows of `width` numbers into `bytes` bytes each.

    Args:
        widths: Widths of the vectors that a row is made of, in order.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self.width = sum(widths)

    @property
    @abc.abstractmethod
    def bytes(self) -> int:
        """Bytes per row."""

    @abc.abstractmethod
    def pack(self, rows: tf.Tensor) -> tf.Tensor:
        """float32 [..., width] -> uint8 [..., bytes]."""

    @abc.abstractmethod
    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        """uint8 [..., bytes] -> float32 [..., width]; zeros give zeros."""


class Floats(Numbers):
    """Little-endian floats; what is too large for `dtype` becomes its largest number."""

    def __init__(self, widths: Sequence[int], dtype: tf.DType) -> None:
        super().__init__(widths)
        self._dtype = dtype

    @property
    def bytes(self) -> int:
        return self.width * int(self._dtype.size)

    def pack(self, rows: tf.Tensor) -> tf.Tensor:
        limit = tf.cast(self._dtype.max, tf.float32)
        return _to_bytes(tf.cast(tf.clip_by_value(rows, -limit, limit), self._dtype))

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        return tf.cast(_from_bytes(packed, self._dtype), tf.float32)


class Integers(Numbers):
    """Little-endian int32, exact: rows are int32 [..., width] instead of float32."""

    @property
    def bytes(self) -> int:
        return self.width * int(tf.int32.size)

    def pack(self, rows: tf.Tensor) -> tf.Tensor:
        return _to_bytes(rows)

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        return _from_bytes(packed, tf.int32)


class ScaledInt8(Numbers):
    """int8 numbers, of which up to 32 neighbours within a vector share a scale.

    Scales are bfloat16, which has float32's range. A row is its scales, then its numbers. The error
    is at most half a scale, 1/254 of the largest of the sharing numbers' magnitudes, and a little
    more for the largest itself, by the scale's own rounding.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__(widths)
        self._sharing: list[int] = []  # how many numbers share each scale
        for width in widths:
            self._sharing += _cut(width)
        numbers = np.arange(len(self._sharing))
        group_of = np.repeat(numbers, self._sharing)
        self._spreading = np.float32(numbers[:, None] == group_of)  # one-hot, [groups, width]
        self._scale_bytes = len(self._sharing) * int(tf.bfloat16.size)

    @property
    def bytes(self) -> int:
        return self._scale_bytes + self.width

    def pack(self, rows: tf.Tensor) -> tf.Tensor:
        groups = tf.split(rows, self._sharing, -1)
        largest = tf.stack([tf.reduce_max(tf.abs(group), -1) for group in groups], -1)
        scales = tf.cast(largest / _INT8_MAX, tf.bfloat16)
        steps = tf.math.divide_no_nan(rows, self._spread(scales))
        numbers = tf.cast(tf.clip_by_value(tf.round(steps), -_INT8_MAX, _INT8_MAX), tf.int8)
        return tf.concat([_to_bytes(scales), _to_bytes(numbers)], -1)

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        scales = _from_bytes(packed[..., : self._scale_bytes], tf.bfloat16)
        numbers = tf.bitcast(packed[..., self._scale_bytes :], tf.int8)
        return tf.cast(numbers, tf.float32) * self._spread(scales)

    def _spread(self, scales: tf.Tensor) -> tf.Tensor:
        """Each number's scale.

        A product with a one-hot matrix is several times as fast as a gather.
        """
        return tf.tensordot(tf.cast(scales, tf.float32), self._spreading, 1)


def numbers_of(dtype: str, widths: Sequence[int]) -> Numbers:
    """The packing for one of DTYPES.

    Raises:
        ValueError: It is none of them.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}. Received: dtype={dtype!r}")
    if dtype == "int8":
        return ScaledInt8(widths) if widths else Floats(widths, tf.float32)
    return Floats(widths, tf.as_dtype(dtype))


def _cut(width: int) -> list[int]:
    """How many numbers of a vector share each scale: 32, and in the end what is left."""
    return [min(_SHARING, width - start) for start in range(0, width, _SHARING)]


def _to_bytes(values: tf.Tensor) -> tf.Tensor:
    """[..., W] -> uint8 [..., W * size]."""
    packed = tf.bitcast(values, tf.uint8)
    if values.dtype.size == 1:
        return packed
    row = [values.shape[-1] * values.dtype.size]
    return tf.reshape(packed, tf.concat([tf.shape(values)[:-1], row], 0))


def _from_bytes(packed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """uint8 [..., W * size] -> [..., W]."""
    width = packed.shape[-1] // dtype.size
    shape = tf.concat([tf.shape(packed)[:-1], [width, dtype.size]], 0)
    values = tf.bitcast(tf.reshape(packed, shape), dtype)
    unknown = [None] * (packed.shape.rank - 1)
    return tf.ensure_shape(values, [*unknown, width])
