"""Records as plain values, the way back from `encode_records`."""

from __future__ import annotations

import pyarrow as pa
import tensorflow as tf

from preprocessing.encoding import Lists, encode_records
from preprocessing.features import HISTORY_ITEM_ID, record_features, user_inputs
from preprocessing.record_values import for_client, plain_features, plain_values
from tests.testing import small_spec


def test_scalars_are_one_value_and_lists_are_lists() -> None:
    spec = small_spec()
    history = Lists(pa.array([0, 2, 2]).to_numpy(), pa.array([b"i1", "é".encode()], pa.binary()))
    users = {"user_id": pa.array([b"a", b"b"], pa.binary())}
    records = encode_records(record_features(spec), 2, users, {HISTORY_ITEM_ID: history})
    first, second = (plain_features(record, user_inputs(spec)) for record in records)
    assert (first["user_id"], first[HISTORY_ITEM_ID]) == ("a", ["i1", "é"])
    assert (second["user_id"], second[HISTORY_ITEM_ID], second["timestamp"]) == ("b", [], 0)
    assert set(first) == {feature.name for feature in user_inputs(spec)}


def test_a_feature_without_values_has_none() -> None:
    assert plain_values(tf.train.Feature()) == []


def test_clients_get_none_where_a_number_is_absent() -> None:
    assert for_client([1.5, float("nan")]) == [1.5, None]
    assert for_client(float("nan")) is None and for_client("nan") == "nan"
