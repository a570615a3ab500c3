"""The user states of rankers: which vectors they are made of, and in which order these are
stored."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.testing_trainer import random_features, toy_fields
from tests.trainer.models.rankers import LENGTHS, VARIANTS, built
from trainer.export.state_codec import StateCodec

HEADER = 32  # bytes of a state before its vectors
HEAD = ["head/experts", "head/gates"]
MMOE = ["mmoe/experts", "mmoe/gates", "summary"]
UCA = ["uca/0/keys", "uca/0/values", "uca/1/keys", "uca/1/values"]
FEED = [f"own/feed/{name}" for name in ("brand", "item_id", "price", "tags")]
# The vectors of a user, then those of a position.
LAYOUTS = {
    "learned": (MMOE, ["din/history", *UCA, "match"]),
    "baseline": (MMOE, ["din/history", "match"]),
    "UCA alone": (MMOE, [*UCA, "match"]),
    "din": (HEAD, ["own/history", "match"]),
    "pnn": (["own/fields", *HEAD], ["match"]),
    "bst": (HEAD, ["own/history", "match"]),
    "can": (HEAD, ["own/din/history", *FEED, "match"]),
    "dien": (HEAD, ["own/keys", "own/terms", "match"]),
    "unfolded_din": (["user"], ["history", "match"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", LAYOUTS)
def test_the_fields_of_a_state_are_the_layout_of_its_bytes(variant: str) -> None:
    ranker = built(toy_fields(), **VARIANTS[variant])
    state = ranker.encode_user(random_features(ranker.fields, LENGTHS))
    codec = StateCodec(state, b"made by", max(LENGTHS), "float32")
    of_user, of_position = LAYOUTS[variant]
    assert [one.name for one in codec.layout if one.of == "user"] == of_user
    assert [one.name for one in codec.layout if one.of == "position"] == of_position

    again = codec.decode(codec.encode(state))
    assert type(again) is type(state)
    tf.nest.assert_same_structure(again, state)
    np.testing.assert_array_equal(again.mask, state.mask)


def test_a_state_is_stored_as_its_layout_says() -> None:
    ranker = built(toy_fields(), **VARIANTS["learned"])
    state = ranker.encode_user(random_features(ranker.fields, [1]))
    codec = StateCodec(state, b"made by", 1, "float32")
    payload = codec.encode(state).numpy()[0][HEADER:]
    vectors = {
        "summary": state.summary[0],
        "mmoe/experts": state.mmoe.experts[0],
        "mmoe/gates": state.mmoe.gates[0],
        "din/history": state.din.history[0, 0],
        "uca/0/keys": state.uca[0].keys[0, 0],
        "uca/0/values": state.uca[0].values[0, 0],
        "uca/1/keys": state.uca[1].keys[0, 0],
        "uca/1/values": state.uca[1].values[0, 0],
        "match": state.match[0, 0],
    }
    for stored in codec.layout:
        assert payload[: stored.bytes] == vectors[stored.name].numpy().tobytes(), stored.name
        payload = payload[stored.bytes :]
    assert not payload
