"""User states as bytes: exact round trips, and refusal of whatever this model did not make."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
import tensorflow as tf

from trainer.export.state_codec import StateCodec

FINGERPRINT = b"8 bytes!"
LONGEST = 5
MESSAGE = "user_state was made by another model version, or is damaged: call encode_user again"
HEADER = 32  # magic, 4; checksum, 12; identity, 8; precision, 4; count, 4
# The widths in _state.
USER_WIDTHS = (3, 2)
ROW_WIDTHS = (4, 1, 2)
# A nest of tensors, in place of a ranker's NamedTuple.
State: TypeAlias = Any
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


def _state(lengths: list[int], seed: int = 0) -> State:
    """A nest of vectors a user and a position, with zeros past each history's end."""
    rng = np.random.default_rng(seed)
    mask = np.arange(LONGEST) < np.array(lengths)[:, None]

    def user(width: int) -> tf.Tensor:
        return tf.constant(rng.normal(size=(len(lengths), width)), tf.float32)

    def rows(width: int) -> tf.Tensor:
        return tf.constant(
            rng.normal(size=(len(lengths), LONGEST, width)) * mask[..., None], tf.float32
        )

    layers = [{"keys": rows(4), "values": rows(1)}]
    return {
        "mask": tf.constant(mask),
        "uca": layers,
        "summary": user(3),
        "din": {"a": user(2), "history": rows(2)},
    }


def _codec(
    dtype: str = "float32", fingerprint: bytes = FINGERPRINT, history_length: int = LONGEST
) -> StateCodec:
    return StateCodec(_state([1]), fingerprint, history_length, dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 0.0), ("float16", 2e-3), ("bfloat16", 2e-2)]
)
@pytest.mark.parametrize("lengths", [[5, 2, 0, 1], [0, 0], [3]])
def test_round_trip(dtype: str, tolerance: float, lengths: list[int]) -> None:
    _assert_round_trip(_state(lengths), _codec(dtype), lambda values: tolerance)


@pytest.mark.parametrize("lengths", [[5, 2, 0, 1], [0, 0], [3]])
def test_int8_is_off_by_little_of_each_vectors_largest(lengths: list[int]) -> None:
    """Half a step of 1/127, and the rounding of the scale."""
    _assert_round_trip(
        _state(lengths),
        _codec("int8"),
        lambda x: np.abs(x).max(-1, keepdims=True) * (0.5 / 127 + 3e-3),
    )


def _decoded(codec: StateCodec, blobs: tf.Tensor) -> State:
    return codec.decode(blobs)


def _assert_round_trip(
    state: State, codec: StateCodec, tolerance: Callable[[np.ndarray], Any]
) -> None:
    again = _decoded(codec, codec.encode(state))
    tf.nest.assert_same_structure(again, state)
    np.testing.assert_array_equal(again.pop("mask"), state.pop("mask"))
    for expected, found in zip(tf.nest.flatten(state), tf.nest.flatten(again), strict=True):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert (np.abs(found - expected) <= tolerance(expected.numpy())).all()


@pytest.mark.parametrize("dtype", BYTES)
def test_only_real_positions_are_stored(dtype: str) -> None:
    lengths = [5, 2, 0, 1]
    codec = _codec(dtype)
    size = BYTES[dtype]
    blobs = codec.encode(_state(lengths)).numpy()
    scales = 2 if dtype == "int8" else 0  # bytes a vector
    user = sum(size * width + scales for width in USER_WIDTHS)
    row = sum(size * width + scales for width in ROW_WIDTHS)
    assert [len(blob) for blob in blobs] == [HEADER + user + n * row for n in lengths]
    assert [struct.unpack("<i", blob[28:32])[0] for blob in blobs] == lengths
    assert {blob[:4] for blob in blobs} == {b"SRP2"}
    assert {blob[16:24] for blob in blobs} == {codec.identity}
    assert {blob[24:28] for blob in blobs} == {
        {"float32": b"fp32", "bfloat16": b"bf16"}.get(dtype, blobs[0][24:28])
    }


@pytest.mark.parametrize("dtype", BYTES)
def test_integers_are_exact_in_every_precision(dtype: str) -> None:
    lengths = [3, 0, 5]
    state = _state(lengths)
    largest = tf.constant(2**31 - 1, tf.int32)
    places = tf.reshape(tf.range(3 * LONGEST * 2), [3, LONGEST, 2])
    state["match"] = tf.where(state["mask"][..., None], largest - places, 0)
    codec = StateCodec(state, FINGERPRINT, LONGEST, dtype)
    blobs = codec.encode(state)
    np.testing.assert_array_equal(_decoded(codec, blobs)["match"], state["match"])
    without = _codec(dtype)
    assert codec.identity != without.identity
    shorter = without.encode(_state(lengths)).numpy()
    extra = [len(blob) - len(other) for blob, other in zip(blobs.numpy(), shorter, strict=True)]
    assert extra == [8 * length for length in lengths]


def test_the_layout_names_the_vectors_in_the_order_of_their_bytes() -> None:
    state: State = {
        "mask": tf.constant([[True, True]]),
        "after": tf.fill([1, 2, 1], 5),  # integers follow numbers
        "before": [{"keys": tf.fill([1, 2, 2], 3.0)}, {"keys": tf.fill([1, 2, 1], 4.0)}],
        "known": tf.fill([1, 1], 1.0),
        "last": tf.fill([1, 3], 2.0),
    }
    codec = StateCodec(state, FINGERPRINT, LONGEST, "float32")
    assert [(vector.name, vector.of, vector.dtype, vector.bytes) for vector in codec.layout] == [
        ("known", "user", "float32", 4),
        ("last", "user", "float32", 12),
        ("before/0/keys", "position", "float32", 8),
        ("before/1/keys", "position", "float32", 4),
        ("after", "position", "int32", 4),
    ]
    (blob,) = codec.encode(state).numpy()
    position = struct.pack("<3fi", 3, 3, 4, 5)
    assert blob[HEADER:] == struct.pack("<4f", 1, 2, 2, 2) + position + position


@pytest.mark.parametrize("dtype", BYTES)
def test_the_layout_has_the_bytes_of_a_state(dtype: str) -> None:
    codec = StateCodec(_state([1]) | {"long": tf.zeros([1, 70])}, FINGERPRINT, LONGEST, dtype)
    each = {"user": 0, "position": 0}
    for vector in codec.layout:
        each[vector.of] += vector.bytes
    assert codec.bytes_of(3) == HEADER + each["user"] + 3 * each["position"]


def test_identity_changes_with_model_layout_and_storage() -> None:
    wider = _state([1]) | {"summary": tf.zeros([1, 4])}
    renamed = _state([1])
    renamed["total"] = renamed.pop("summary")
    codecs = [
        _codec(),
        _codec("float16"),
        _codec("bfloat16"),
        _codec("int8"),
        _codec(fingerprint=b"12345678"),
        _codec(history_length=6),
        StateCodec(wider, FINGERPRINT, LONGEST, "float32"),
        StateCodec(renamed, FINGERPRINT, LONGEST, "float32"),
    ]
    assert len({codec.identity for codec in codecs}) == len(codecs)
    assert _codec().identity == _codec().identity


def test_dtype_must_be_known() -> None:
    with pytest.raises(ValueError, match="float32, float16, bfloat16, int8. Received: dtype='fp8'"):
        _codec("fp8")


def test_what_is_too_large_for_half_precision_becomes_its_largest() -> None:
    state = _state([1]) | {"summary": tf.constant([[1e9, -1e9, 1.0]])}
    codec = _codec("float16")
    np.testing.assert_array_equal(
        _decoded(codec, codec.encode(state))["summary"], [[65504, -65504, 1]]
    )


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_int8_takes_numbers_of_any_size(factor: float) -> None:
    state = _state([2]) | {"summary": tf.constant([[1.0, -2.0, 0.0]]) * factor}
    codec = _codec("int8")
    found = _decoded(codec, codec.encode(state))["summary"]
    np.testing.assert_allclose(found / factor, [[1, -2, 0]], atol=2 * 0.01)


def test_vectors_wider_than_32_have_a_scale_for_each_32_numbers() -> None:
    small = np.full(32, 1e-3)
    large = np.full(40, 1e3)
    state: State = {
        "mask": tf.ones([1, 1], tf.bool),
        "rows": tf.zeros([1, 1, 1]),
        "user": np.array([[*small, *large]], np.float32),
    }
    codec = StateCodec(tf.nest.map_structure(tf.constant, state), FINGERPRINT, LONGEST, "int8")
    blob = codec.encode(tf.nest.map_structure(tf.constant, state))
    np.testing.assert_allclose(_decoded(codec, blob)["user"], state["user"], rtol=1e-2)
    assert len(blob.numpy()[0]) == HEADER + 72 + 3 * 2 + 1 + 2


def test_a_state_is_the_same_bytes_whatever_its_padding_and_its_batch() -> None:
    state = _state([4, 2])
    codec = _codec()
    alone = tf.nest.map_structure(lambda leaf: leaf[1:], state)
    assert codec.encode(alone).numpy()[0] == codec.encode(state).numpy()[1]


def test_states_from_several_answers_make_one_batch() -> None:
    codec = _codec()
    blobs = [codec.encode(_state([n], seed=n)).numpy()[0] for n in (3, 0, 5)]
    together = _decoded(codec, tf.constant(blobs))
    assert together["mask"].numpy().sum(1).tolist() == [3, 0, 5]
    for row, n in enumerate((3, 0, 5)):
        keys = together["uca"][0]["keys"].numpy()[row]
        np.testing.assert_array_equal(keys[:n], _state([n], seed=n)["uca"][0]["keys"][0][:n])
        assert not keys[n:].any()


def _good(dtype: str = "float32") -> bytes:
    blob: bytes = _codec(dtype).encode(_state([2])).numpy()[0]
    return blob


def _forged(body: bytes) -> bytes:
    """A blob with this body and the checksum that goes with it."""
    checksum = tf.strings.to_hash_bucket_fast([body], 10**12).numpy()[0]
    return b"SRP2" + f"{checksum:012d}".encode() + body


def _counting(count: int, payload: bytes) -> bytes:
    return _forged(_good()[16:28] + struct.pack("<i", count) + payload)


def _with_floats(*values: float) -> bytes:
    payload = struct.pack(f"<{len(values)}f", *values)
    return _forged(_good()[16 : -len(payload)] + payload)


ROW_BYTES = 4 * sum(ROW_WIDTHS)
USER_BYTES = 4 * sum(USER_WIDTHS)
BAD = {
    "another model": _codec(fingerprint=b"12345678").encode(_state([2])).numpy()[0],
    "another dtype": _good("float16"),
    "another dtype's name": _forged(_good()[16:24] + b"fp16" + _good()[28:]),
    "another format": b"SRP1" + _good()[4:],
    "truncated by a byte": _good()[:-1],
    "truncated by a float": _good()[:-4],
    "truncated and forged": _forged(_good()[16:-4]),
    "header alone": _good()[:HEADER],
    "half a header": _good()[:7],
    "a byte too many": _good() + b"\0",
    "a byte too many and forged": _forged(_good()[16:] + b"\0"),
    "empty": b"",
    "random": np.random.default_rng(0).bytes(200),
    "not bytes of ours": "état".encode() * 20,
    "negative count": _counting(-1, _good()[HEADER:]),
    "largest count": _counting(2**31 - 1, _good()[HEADER:]),
    "more positions than the model has": _counting(
        LONGEST + 1, bytes(USER_BYTES + (LONGEST + 1) * ROW_BYTES)
    ),
    "NaN": _with_floats(float("nan")),
    "infinite": _with_floats(float("inf")),
    "infinite, both ways": _with_floats(float("inf"), float("-inf")),
}


@pytest.mark.slow
@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("what", BAD)
def test_foreign_or_damaged_states_are_refused(what: str, in_graph: bool) -> None:
    codec = _codec()
    decode = tf.function(codec.decode, autograph=False) if in_graph else codec.decode
    decode(tf.constant([_good(), _good()]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=MESSAGE):
        decode(tf.constant([_good(), BAD[what]]))


def test_a_forged_state_of_the_right_layout_is_no_worse_than_a_state() -> None:
    blob = _with_floats(7.0)
    assert blob != _good()
    assert _decoded(_codec(), tf.constant([blob]))["uca"][0]["values"].numpy()[0, 1].tolist() == [
        7.0
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", BYTES)
def test_any_flipped_bit_is_found(dtype: str) -> None:
    good = _good(dtype)
    codec = _codec(dtype)
    decode = tf.function(codec.decode, autograph=False)
    for place in range(len(good)):
        flipped = bytearray(good)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(tf.errors.InvalidArgumentError, match=MESSAGE):
            decode(tf.constant([bytes(flipped)]))
