"""User states as bytes: exact round trips, and refusal of whatever this model did not make."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.state_codec import StateCodec

FINGERPRINT, LONGEST = b"8 bytes!", 5
MESSAGE = "user_state was made by another model version, or is damaged: call encode_user again"
HEADER = 16
USER_FLOATS, ROW_FLOATS = 3 + 2, 4 + 1 + 2  # the widths in _state


def _state(lengths: list[int], seed: int = 0) -> dict[str, Any]:
    """A nest of vectors a user and a position, with zeros past each history's end."""
    rng = np.random.default_rng(seed)
    longest = max(*lengths, 1)
    mask = np.arange(longest) < np.array(lengths)[:, None]

    def user(width: int) -> tf.Tensor:
        return tf.constant(rng.normal(size=(len(lengths), width)), tf.float32)

    def rows(width: int) -> tf.Tensor:
        return tf.constant(rng.normal(size=(len(lengths), longest, width)) * mask[..., None], tf.float32)

    layers = [{"keys": rows(4), "values": rows(1)}]
    return {"mask": tf.constant(mask), "uca": layers, "summary": user(3), "din": {"a": user(2), "history": rows(2)}}


def _codec(dtype: tf.DType = tf.float32, fingerprint: bytes = FINGERPRINT) -> StateCodec:
    return StateCodec(_state([1]), fingerprint, LONGEST, dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 0.0), (tf.float16, 2e-3)])
@pytest.mark.parametrize("lengths", [[5, 2, 0, 1], [0, 0], [3]])
def test_round_trip(dtype: tf.DType, tolerance: float, lengths: list[int]) -> None:
    state, codec = _state(lengths), _codec(dtype)
    again = codec.decode(codec.encode(state))
    tf.nest.assert_same_structure(again, state)
    for expected, found in zip(tf.nest.flatten(state), tf.nest.flatten(again), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(expected, tf.float32), atol=tolerance)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16])
def test_only_real_positions_are_stored(dtype: tf.DType) -> None:
    lengths, codec = [5, 2, 0, 1], _codec(dtype)
    blobs = codec.encode(_state(lengths)).numpy()
    assert [len(blob) for blob in blobs] == [HEADER + dtype.size * (USER_FLOATS + n * ROW_FLOATS) for n in lengths]
    assert [struct.unpack("<i", blob[12:16])[0] for blob in blobs] == lengths
    assert {blob[:12] for blob in blobs} == {b"SRP1" + FINGERPRINT}


def test_a_state_is_the_same_bytes_whatever_its_padding_and_its_batch() -> None:
    state, codec = _state([4, 2]), _codec()
    alone = tf.nest.map_structure(lambda leaf: leaf[1:], state)
    assert codec.encode(alone).numpy()[0] == codec.encode(state).numpy()[1]


def test_states_from_several_answers_make_one_batch() -> None:
    codec = _codec()
    blobs = [codec.encode(_state([n], seed=n)).numpy()[0] for n in (3, 0, 5)]
    together = codec.decode(tf.constant(blobs))
    assert together["mask"].numpy().sum(1).tolist() == [3, 0, 5]
    for row, n in enumerate((3, 0, 5)):
        keys = together["uca"][0]["keys"].numpy()[row]
        np.testing.assert_array_equal(keys[:n], _state([n], seed=n)["uca"][0]["keys"][0][:n])
        assert not keys[n:].any()


def _good() -> bytes:
    blob: bytes = _codec().encode(_state([2])).numpy()[0]
    return blob


def _bit_flipped(place: int, bit: int) -> bytes:
    blob = bytearray(_good())
    blob[place] ^= 1 << bit
    return bytes(blob)


BAD = {
    "another model": _codec(fingerprint=b"12345678").encode(_state([2])).numpy()[0],
    "another dtype": _codec(tf.float16).encode(_state([2])).numpy()[0],
    "truncated by a byte": _good()[:-1],
    "truncated by a float": _good()[:-4],
    "header alone": _good()[:HEADER],
    "half a header": _good()[:7],
    "a byte too many": _good() + b"\0",
    "empty": b"",
    "random": np.random.default_rng(0).bytes(200),
    "not bytes of ours": "état".encode() * 20,
    "negative count": _good()[:12] + struct.pack("<i", -1) + _good()[16:],
    "largest count": _good()[:12] + struct.pack("<i", 2**31 - 1) + _good()[16:],
    "more positions than the model has": (
        _good()[:12] + struct.pack("<i", LONGEST + 1) + bytes(4 * (USER_FLOATS + (LONGEST + 1) * ROW_FLOATS))
    ),
}


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("what", BAD)
def test_foreign_or_damaged_states_are_refused(what: str, in_graph: bool) -> None:
    codec = _codec()
    decode = tf.function(codec.decode) if in_graph else codec.decode
    decode(tf.constant([_good(), _good()]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=MESSAGE):
        decode(tf.constant([_good(), BAD[what]]))


@pytest.mark.parametrize("place", range(HEADER))
def test_any_flipped_bit_of_the_header_is_found(place: int) -> None:
    codec = _codec()
    for bit in range(8):
        with pytest.raises(tf.errors.InvalidArgumentError, match=MESSAGE):
            codec.decode(tf.constant([_bit_flipped(place, bit)]))


def test_fingerprint_must_have_8_bytes() -> None:
    with pytest.raises(ValueError, match="fingerprint must have 8 bytes. Received: 3"):
        _codec(fingerprint=b"abc")
