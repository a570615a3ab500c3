"""What users did to items: from text to rows, through the state, to candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.features import candidate_inputs
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.users_items import user_line
from tests.testing_trainer import toy_spec
from trainer.export.state_codec import StateCodec
from trainer.export.users_items import UsersItems, inputs_of, width_of

COUNTS = {"of": ["user", "item_id"], "counts": ["events"], "windows": ["all", "7d"]}
BRANDS = {"of": ["user", "brand"], "counts": ["events"], "windows": ["all"]}
TEXTS = [
    "\n".join(
        [user_line("met", "i1", np.array([7.0, 2.0])), user_line("own", "i1", np.array([5.0]))]
    ),
    "",
    "\n".join(
        [user_line("gone", "i1", np.array([9.0])), user_line("met", "ü\t\n", np.array([0.1, 3.0]))]
    ),
]


def _spec(**statistics: Any) -> DatasetSpec:
    features = toy_spec().features.model_dump(exclude={"statistics"})
    return toy_spec(features=features | {"statistics": statistics})


def _users_items() -> UsersItems:
    return UsersItems(_spec(met=COUNTS, own=BRANDS))


def test_the_numbers_of_a_line_are_those_of_inputs_of_candidates() -> None:
    spec = _spec(met=COUNTS | {"counts": ["recency", "rate", "events"]}, own=BRANDS)
    rates = ["click_rate", "buy_rate", "events"]
    expected = [f"candidate_met_{window}_{number}" for window in ("all", "7d") for number in rates]
    assert inputs_of(spec, "met") == [*expected, "candidate_met_recency"]
    assert inputs_of(spec, "own") == ["candidate_own_all_events"]
    assert width_of(spec, "met") == 7
    assert {*inputs_of(spec, "met")} < {feature.name for feature in candidate_inputs(spec)}


def test_numbers_are_found_by_statistic_and_key_after_the_state() -> None:
    users_items = _users_items()
    state: Any = {
        "mask": tf.constant([[True], [False], [True]]),
        "v": tf.ones([3, 2]),
        "rows": tf.ones([3, 1, 2]),
    }
    codec = StateCodec(state, b"made by", 1, "float32", users_items.row_integers)
    blobs = codec.encode(state, users_items.rows(tf.constant(TEXTS)))
    again: Any = codec.decode(blobs)
    np.testing.assert_array_equal(again["mask"], state["mask"])
    np.testing.assert_array_equal(again["v"], state["v"])
    rows = codec.rows_of_items(blobs)
    keys = tf.constant([["i1", "ü\t\n", "i2"]] * 3)
    met = users_items.find("met", keys, rows, tf.zeros([3, 3, 2]) - 1)
    nothing = [-1.0, -1.0]
    expected = [
        [[7.0, 2.0], nothing, nothing],
        [nothing, nothing, nothing],
        [nothing, [0.1, 3.0], nothing],
    ]
    np.testing.assert_array_equal(met, np.array(expected, np.float32))
    own = users_items.find("own", keys, rows, tf.zeros([3, 3, 1]) - 1)
    np.testing.assert_array_equal(own[..., 0], [[5, -1, -1], [-1] * 3, [-1] * 3])


def test_a_state_is_no_longer_for_users_who_met_nothing() -> None:
    users_items = _users_items()
    state: Any = {"mask": tf.constant([[True]]), "v": tf.ones([1, 2])}
    with_rows = StateCodec(state, b"made by", 1, "float32", users_items.row_integers)
    without = StateCodec(state, b"made by", 1, "float32")
    (blob,) = with_rows.encode(state, users_items.rows(tf.constant([""]))).numpy()
    assert len(blob) == without.bytes_of(1)
    assert with_rows.identity != without.identity
    assert not with_rows.rows_of_items(tf.constant([blob])).numpy().any()
