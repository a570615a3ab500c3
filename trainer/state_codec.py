"""A user state as one opaque string a user, and back, inside the graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from serving import contract

_MAGIC = b"SRP1"
_FINGERPRINT_BYTES = 8
_BITS = {tf.float32: tf.int32, tf.float16: tf.uint16}  # decode_raw pads these, but not float16
_HEADER_BYTES = len(_MAGIC) + _FINGERPRINT_BYTES + 4

UserState = Any


class StateCodec:
    """Packs a ranker's user state, only the history positions that are real, behind a header.

    Layout: 4 bytes magic, 8 bytes model fingerprint, int32 number of positions n, then little-endian floats: the
    per-user vectors, then n rows of all per-position vectors.

    Args:
        state: An example of the state, whose nest and widths are taken; see Ranker for its rules.
        fingerprint: 8 bytes that tell this model version's states from any other's.
        history_length: The most positions a state may have.
        dtype: float32 or float16.
    """

    def __init__(self, state: UserState, fingerprint: bytes, history_length: int, dtype: tf.DType) -> None:
        if len(fingerprint) != _FINGERPRINT_BYTES:
            raise ValueError(f"fingerprint must have {_FINGERPRINT_BYTES} bytes. Received: {len(fingerprint)}")
        without_mask = {name: part for name, part in state.items() if name != "mask"}
        self._template = tf.nest.map_structure(lambda leaf: 0, without_mask)
        leaves = tf.nest.flatten(without_mask)
        self._ranks = [leaf.shape.rank for leaf in leaves]
        self._widths = [leaf.shape[-1] for leaf in leaves]
        self._prefix = _MAGIC + fingerprint
        self._history_length, self._dtype = history_length, dtype
        self._user_width = sum(width for rank, width in zip(self._ranks, self._widths, strict=True) if rank == 2)
        self._row_width = sum(width for rank, width in zip(self._ranks, self._widths, strict=True) if rank == 3)

    def encode(self, state: UserState) -> tf.Tensor:
        """Packs a state whose real positions come first: string [B]."""
        count = tf.reduce_sum(tf.cast(state["mask"], tf.int32), 1)
        leaves = tf.nest.flatten({name: part for name, part in state.items() if name != "mask"})
        user = tf.concat([leaf for leaf in leaves if leaf.shape.rank == 2], -1)
        rows = tf.concat([leaf for leaf in leaves if leaf.shape.rank == 3], -1)
        flat = tf.reshape(rows, [tf.shape(rows)[0], -1])

        def pack(row: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
            vector, history, n = row
            values = tf.concat([vector, history[: n * self._row_width]], 0)
            return tf.strings.join([_raw_bytes(n[None]), _raw_bytes(tf.cast(values, self._dtype))])

        packed = tf.map_fn(pack, (user, flat, count), fn_output_signature=tf.string)
        return tf.strings.join([tf.constant(self._prefix), packed])

    def decode(self, blobs: tf.Tensor) -> UserState:
        """Unpacks string [B]; a foreign or damaged blob fails with INVALID_ARGUMENT."""
        blobs = self._checked(blobs)
        count = self._count(blobs)
        payload = tf.strings.substr(blobs, _HEADER_BYTES, tf.int32.max)
        longest = tf.maximum(tf.reduce_max(count), 1)
        values = (self._user_width + longest * self._row_width) * self._dtype.size
        bits = tf.io.decode_raw(payload, _BITS[self._dtype], fixed_length=values)
        floats = tf.cast(tf.bitcast(bits, self._dtype), tf.float32)
        user, rows = floats[:, : self._user_width], floats[:, self._user_width :]
        rows = tf.reshape(rows, [-1, longest, self._row_width])
        by_rank = {2: iter(tf.split(user, self._split(2), -1)), 3: iter(tf.split(rows, self._split(3), -1))}
        leaves = [next(by_rank[rank]) for rank in self._ranks]
        return tf.nest.pack_sequence_as(self._template, leaves) | {"mask": tf.sequence_mask(count, longest)}

    def _checked(self, blobs: tf.Tensor) -> tf.Tensor:
        size = len(self._prefix)
        whole = tf.strings.length(blobs) >= _HEADER_BYTES
        padded = tf.strings.join([blobs, tf.constant(b"\0" * _HEADER_BYTES)])
        ours = whole & (tf.strings.substr(padded, 0, size) == self._prefix)
        message = f"{contract.STALE_STATE}, or is damaged: call encode_user again on the version that scores."
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(ours), [message])]):
            blobs = tf.identity(blobs)
        count = self._count(blobs)
        expected = _HEADER_BYTES + (self._user_width + count * self._row_width) * self._dtype.size
        right = (count >= 0) & (count <= self._history_length) & (tf.strings.length(blobs) == expected)
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(right), [message])]):
            return tf.identity(blobs)

    def _count(self, blobs: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.io.decode_raw(tf.strings.substr(blobs, len(self._prefix), 4), tf.int32), [-1])

    def _split(self, rank: int) -> list[int]:
        return [width for r, width in zip(self._ranks, self._widths, strict=True) if r == rank]


def _raw_bytes(vector: tf.Tensor) -> tf.Tensor:
    """The little-endian bytes of a vector: the tail of its serialised TensorProto, whose last field is its content."""
    size = tf.size(vector) * vector.dtype.size
    serialized = tf.io.serialize_tensor(vector)
    return tf.strings.substr(serialized, tf.strings.length(serialized) - size, size)
