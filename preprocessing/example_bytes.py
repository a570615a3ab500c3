"""The bytes of one feature of many tf.Examples at once.

Example coders take about a microsecond per record and feature, and write features in any order. A
feature of a tf.Example is an entry of a map, which is messages in messages:

    entry   tag 1, length: key, value
    key     tag 1, length: the feature's name
    value   tag 2, length: list
    list    tag by the type, length: values
    values  of bytes, each: tag 1, length, bytes; of numbers, if any: tag 1, length, all numbers

So the values are all that Arrow and NumPy have to write; what comes before them depends only on the
feature and on how many bytes they are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.features import Dtype
from preprocessing.varint import MORE, varint

FIRST = b"\x0a"  # the tag of a message's field 1, where a length and so many bytes follow
_SECOND = b"\x12"
# The tags of the lists of tf.train.Feature.
_LISTS = {"string": b"\x0a", "float": b"\x12", "int64": b"\x1a"}
_BITS = 7  # of a number in each byte of a varint
_DENSE = 4096  # sizes below it are told apart without being sorted
NOTHING = pa.scalar(b"", pa.binary())


def values_of(dtype: Dtype, offsets: np.ndarray, values: pa.Array) -> pa.Array:
    """The bytes of each record's values: binary [R].

    Args:
        dtype: Their type.
        offsets: int [R + 1], where each record's values begin.
        values: All values, [offsets[R]].
    """
    if dtype == "string":
        return _strings(offsets, values)
    if dtype == "int64":
        return _integers(offsets, values.to_numpy(zero_copy_only=False))
    numbers = np.ascontiguousarray(values.to_numpy(zero_copy_only=False), "<f4")
    return _pieces(pa.py_buffer(numbers), 4 * offsets)


def headers_of(name: str, dtype: Dtype, values: pa.Array) -> pa.Array | pa.Scalar:
    """All bytes of the feature's entry that come before the bytes of its values: binary [R]."""
    return by_size(values, lambda size: _header(name, dtype, size))


def by_size(content: pa.Array, make: Callable[[int], bytes]) -> pa.Array | pa.Scalar:
    """What `make` gives for the size of each piece of content; one for all if all are as large.

    It is asked once per size.
    """
    sizes = pc.binary_length(content).to_numpy(zero_copy_only=False)
    if sizes.max(initial=0) < _DENSE:
        occurs = np.bincount(sizes) > 0
        different = np.flatnonzero(occurs)
        codes = (np.cumsum(occurs) - 1)[sizes]
    else:
        different, codes = np.unique(sizes, return_inverse=True)
    made = pa.array([make(size) for size in different.tolist()], pa.binary())
    return made[0] if len(made) == 1 else made.take(pa.array(codes))


@functools.lru_cache(maxsize=1 << 16)
def _header(name: str, dtype: Dtype, size: int) -> bytes:
    """What comes before `size` bytes of values: see the layout at the top of this file."""
    key = FIRST + varint(len(name)) + name.encode()
    # Numbers are one packed field, which has a header of its own; each text has its own already.
    numbers = FIRST + varint(size) if size and dtype != "string" else b""
    size += len(numbers)
    of_list = _LISTS[dtype] + varint(size) + numbers
    value = _SECOND + varint(len(of_list) - len(numbers) + size) + of_list
    entry_size = len(key) + len(value) - len(numbers) + size
    return FIRST + varint(entry_size) + key + value


def _strings(offsets: np.ndarray, values: pa.Array) -> pa.Array:
    if not len(values):
        return _pieces(pa.py_buffer(b""), offsets)
    lengths = by_size(values, lambda size: FIRST + varint(size))
    written = pc.binary_join_element_wise(lengths, values, NOTHING)
    _, bounds, data = written.buffers()
    return _pieces(data, np.frombuffer(bounds, np.int32)[offsets])


def _integers(offsets: np.ndarray, values: np.ndarray) -> pa.Array:
    """Varints; negative numbers take ten bytes, as protobuf has it."""
    left = values.astype(np.int64).view(np.uint64)
    most = max(int(left.max(initial=0)).bit_length(), 1)
    shifts = np.arange(0, most, _BITS, dtype=np.uint64)
    parts = left[:, None] >> shifts  # [values, bytes], what a byte and all after it hold
    is_written = parts > 0
    is_written[:, 0] = True  # a zero takes a byte, too
    written = (parts & np.uint64(MORE - 1)).astype(np.uint8)
    written[:, :-1] |= np.where(is_written[:, 1:], np.uint8(MORE), np.uint8(0))
    ends = np.append(0, np.cumsum(is_written.sum(axis=1)))
    return _pieces(pa.py_buffer(written[is_written]), ends[offsets])


def _pieces(data: pa.Buffer, bounds: np.ndarray) -> pa.Array:
    """Bytes that lie one after the other, as binary [R]; pieces begin at `bounds`, [R + 1]."""
    buffers = [None, pa.py_buffer(bounds.astype(np.int32)), data]
    return pa.Array.from_buffers(pa.binary(), len(bounds) - 1, buffers)
