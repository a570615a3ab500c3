"""Each user's state as one opaque string, and back, inside the graph."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

from serving import contract
from trainer.export.placement import on_host
from trainer.export.state_layout import MASK, layout_of, leaf_names
from trainer.export.state_vectors import Vectors
from trainer.models.ranker import UserState
from trainer.padding import history_columns

_MAGIC = b"SRP2"  # its digit is the format's version
_CHECKSUM_DIGITS = 12
_IDENTITY_BYTES = 8
_COUNT_BYTES = 4
_LETTERS = {"float32": b"fp32", "float16": b"fp16", "bfloat16": b"bf16", "int8": b"int8"}
_HEADER_BYTES = len(_MAGIC) + _CHECKSUM_DIGITS + _IDENTITY_BYTES + 4 + _COUNT_BYTES
_REFUSAL = (
    f"{contract.STALE_STATE}, or is damaged: call encode_user again on the version that scores."
)

Nest = TypeVar("Nest")


class StateCodec:
    """Packs a ranker's user state, only the history positions that are real, behind a header.

    The bytes of a state are, one after another:

    - the magic "SRP2";
    - 12 decimal digits, the checksum of all that follows;
    - 8 bytes, the `identity`;
    - 4 letters, the precision;
    - int32, the number of positions n;
    - the vectors of the user, in the order of the state's fields, see state_layout.py;
    - the vectors of each of the n positions, in the same order;
    - any number of rows of `row_integers` int32, which aren't the ranker's: what is counted of a
      user's items, see statistics_table.py.

    How vectors are packed is told in state_vectors.py and state_numbers.py.

    The checksum finds what a cache or a network damaged. It keeps nobody from forging a state, but
    a forged one, too, must have this layout and finite numbers, or it is refused.

    Args:
        state: An example of the state, whose nest and widths are taken; see Ranker for its rules.
        fingerprint: Bytes that tell this model version from any other.
        history_length: The most positions a state may have.
        dtype: How numbers are stored, one of state_numbers.DTYPES.
        row_integers: How many integers each of the rows at the end has; 0: there are no rows.

    Attributes:
        identity: 8 bytes that tell states that this codec can read from all others: they change
            with the fingerprint, the state's layout, and how it is stored.
        layout: The vectors that are stored, in the order of their bytes.
    """

    def __init__(
        self,
        state: UserState,
        fingerprint: bytes,
        history_length: int,
        dtype: str,
        row_integers: int = 0,
    ) -> None:
        self._template = tf.nest.map_structure(lambda leaf: 0, state)
        self._mask_place = leaf_names(state).index(MASK)
        leaves = self._stored_leaves(state)
        self._ranks = [leaf.shape.rank for leaf in leaves]
        self._user = Vectors(self._of_rank(2, leaves), dtype)
        self._row = Vectors(self._of_rank(3, leaves), dtype)
        self._history_length = history_length
        self._row_integers = row_integers
        self.layout = layout_of(state, dtype)
        told_apart = f"{self.layout} {history_length} {row_integers} {_MAGIC!r}"
        self.identity = hashlib.sha256(fingerprint + told_apart.encode()).digest()[:_IDENTITY_BYTES]
        self._prefix = self.identity + _LETTERS[dtype]

    def bytes_of(self, positions: int) -> int:
        """The size of a state with so many real positions."""
        return _HEADER_BYTES + self._user.bytes + positions * self._row.bytes

    def encode(self, state: UserState, rows_of_items: tf.RaggedTensor | None = None) -> tf.Tensor:
        """Packs a batch of states.

        Args:
            state: The states, whose real positions come first.
            rows_of_items: Rows that aren't the ranker's, int32 [B, (K), row_integers].

        Returns:
            string [B].
        """
        mask = tf.nest.flatten(state)[self._mask_place]
        count = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        leaves = self._stored_leaves(state)
        user = self._user.pack(self._of_rank(2, leaves), tf.shape(count))
        rows = self._row.pack(self._of_rank(3, leaves), tf.shape(mask))
        rows = tf.reshape(rows, [tf.shape(rows)[0], tf.shape(rows)[1] * self._row.bytes])
        # Padding is packed like real positions, and cut off with the rest of the string.
        packed = tf.concat([tf.bitcast(count, tf.uint8), user, rows], 1)
        with on_host():
            sizes = _COUNT_BYTES + self._user.bytes + count * self._row.bytes
            parts = [tf.constant(self._prefix), _row_strings(packed, sizes)]
            if rows_of_items is not None:
                parts.append(self._packed_rows(rows_of_items))
            body = tf.strings.join(parts)
            return tf.strings.join([tf.constant(_MAGIC), _checksum(body), body])

    def decode(self, blobs: tf.Tensor) -> UserState:
        """Unpacks string [B]; a foreign or damaged blob fails with INVALID_ARGUMENT."""
        with on_host():
            blobs = self._checked(blobs)
            count = _count(blobs)
            longest = history_columns(tf.reduce_max(count), self._history_length)
            packed = self._packed(blobs, longest)
        of_user = tf.ensure_shape(packed[:, : self._user.bytes], [None, self._user.bytes])
        user, user_sum = self._user.unpack(of_user)
        rows = tf.reshape(
            packed[:, self._user.bytes :], [tf.shape(packed)[0], longest, self._row.bytes]
        )
        row, row_sum = self._row.unpack(rows)
        # In the state's own order: leaves of rank 2 are the user's, those of rank 3 the positions'.
        left = {2: iter(user), 3: iter(row)}
        leaves = [next(left[rank]) for rank in self._ranks]
        # A sum is finite only if all its terms are.
        leaves = _require(tf.math.is_finite(user_sum + row_sum), leaves)
        leaves.insert(self._mask_place, tf.sequence_mask(count, longest))
        return tf.nest.pack_sequence_as(self._template, leaves)

    def _packed(self, blobs: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """The vectors in string [B], with zeros up to so many positions: uint8 [B, W]."""
        begins = tf.fill([tf.size(blobs)], _HEADER_BYTES)
        payload = tf.strings.substr(blobs, begins, self._own_bytes(blobs) - _HEADER_BYTES)
        most_bytes = self._user.bytes + positions * self._row.bytes
        return tf.io.decode_raw(payload, tf.uint8, fixed_length=most_bytes)

    def rows_of_items(self, blobs: tf.Tensor) -> tf.Tensor:
        """The rows at the end of string [B].

        A foreign or damaged blob fails as in `decode`.

        Returns:
            int32 [B, K, row_integers] with K at least 1, zeros after a user's last row.
        """
        with on_host():
            blobs = self._checked(blobs)
            begins = self._own_bytes(blobs)
            sizes = tf.strings.length(blobs) - begins
            longest = tf.maximum(tf.reduce_max(sizes), 4 * self._row_integers)
            ends = tf.strings.substr(blobs, begins, sizes)
            integers = tf.io.decode_raw(ends, tf.int32, fixed_length=longest)
            return tf.reshape(integers, [tf.size(blobs), -1, self._row_integers])

    def _packed_rows(self, rows: tf.RaggedTensor) -> tf.Tensor:
        integers = rows.to_tensor()
        packed = tf.reshape(tf.bitcast(integers, tf.uint8), [tf.shape(integers)[0], -1])
        return _row_strings(packed, tf.cast(rows.row_lengths(), tf.int32) * 4 * self._row_integers)

    def _own_bytes(self, blobs: tf.Tensor) -> tf.Tensor:
        """How long each state is without the rows at its end."""
        return _HEADER_BYTES + self._user.bytes + _count(blobs) * self._row.bytes

    def _checked(self, blobs: tf.Tensor) -> tf.Tensor:
        """The blobs, once they have proved to be states that this codec made.

        First come the checks that even a string of a few bytes stands; sizes that a blob names
        itself count only once it is known to be long enough to name them.
        """
        whole = tf.strings.length(blobs) >= _HEADER_BYTES
        # Padded, so that even a blob without a whole header can be read, to be refused.
        padded = tf.strings.join([blobs, tf.constant(b"\0" * _HEADER_BYTES)])
        before_prefix = _HEADER_BYTES - len(self._prefix) - _COUNT_BYTES
        body = tf.strings.substr(padded, before_prefix, len(self._prefix))
        ours = (tf.strings.substr(padded, 0, len(_MAGIC)) == _MAGIC) & (body == self._prefix)
        blobs = _require(whole & ours, blobs)
        count = _count(blobs)
        rest = tf.strings.length(blobs) - self._own_bytes(blobs)
        is_whole = rest == 0
        if self._row_integers:
            is_whole = rest % (4 * self._row_integers) == 0
        fits = (count >= 0) & (count <= self._history_length) & (rest >= 0) & is_whole
        begin = len(_MAGIC) + _CHECKSUM_DIGITS
        checksum = tf.strings.substr(blobs, len(_MAGIC), _CHECKSUM_DIGITS)
        expected = _checksum(tf.strings.substr(blobs, begin, tf.int32.max))
        return _require(fits & (checksum == expected), blobs)

    def _stored_leaves(self, state: UserState) -> list[tf.Tensor]:
        """The state's tensors without its mask, in the order of its fields."""
        leaves = tf.nest.flatten(state)
        del leaves[self._mask_place]
        return leaves

    def _of_rank(self, rank: int, leaves: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return [leaf for r, leaf in zip(self._ranks, leaves, strict=True) if r == rank]


def _row_strings(packed: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """The first `sizes` [B] bytes of each row of `packed` [B, W]: string [B].

    The only ops that turn bytes into strings serialise tensors; a TensorProto's content is its
    tail. All rows are serialised at once, and the loop only cuts, because cutting many from one
    string in one op copies it for each.
    """
    serialized = tf.io.serialize_tensor(packed)
    width = tf.shape(packed)[1]
    first = tf.strings.length(serialized) - tf.size(packed)
    begins = first + width * tf.range(tf.shape(packed)[0])
    return tf.map_fn(
        lambda cut: tf.strings.substr(serialized, cut[0], cut[1]),
        (begins, sizes),
        fn_output_signature=tf.string,
    )


def _checksum(body: tf.Tensor) -> tf.Tensor:
    """12 decimal digits a string, of FarmHash's fingerprint, which never changes: string [B]."""
    buckets = tf.strings.to_hash_bucket_fast(body, 10**_CHECKSUM_DIGITS)
    return tf.strings.as_string(buckets, width=_CHECKSUM_DIGITS, fill="0")


def _count(blobs: tf.Tensor) -> tf.Tensor:
    integers = tf.io.decode_raw(tf.strings.substr(blobs, _HEADER_BYTES - _COUNT_BYTES, 4), tf.int32)
    return tf.ensure_shape(tf.reshape(integers, [-1]), blobs.shape)


def _require(right: tf.Tensor, values: Nest) -> Nest:
    """`values`, a tensor or a nest of them; INVALID_ARGUMENT unless all of `right` is true."""
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(right), [_REFUSAL])]):
        return tf.nest.map_structure(tf.identity, values)
