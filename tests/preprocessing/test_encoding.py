"""Columns to serialised tf.Examples."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from preprocessing.encoding import Lists, encode_records
from preprocessing.features import HISTORY_ITEM_ID, RecordFeature, record_features
from tests.testing import parse_records, small_spec


@pytest.mark.parametrize("length", [0, 1, 60, 120, 130, 16_200, 16_400, 3_000_000])
def test_the_same_records_are_the_same_bytes_whatever_their_size(length: int) -> None:
    """The lengths are around those where protobuf's lengths take another byte."""
    features = record_features(small_spec())
    users = ["a", "b" * length, ""]
    history = Lists(np.array([0, 0, 1, 3]), pa.array(["c" * length, "d", "e"]))
    given = {"user_id": pa.array(users)}, {HISTORY_ITEM_ID: history}
    records = encode_records(features, 3, *given)
    assert records == encode_records(features, 3, *given)
    parsed = parse_records(records)
    assert [record["user_id"] for record in parsed] == [[user] for user in users]
    assert [record[HISTORY_ITEM_ID] for record in parsed] == [[], ["c" * length], ["d", "e"]]
    assert {len(record) for record in parsed} == {len(features)}


def test_floats_of_records_with_different_numbers_of_values() -> None:
    """Lists that have their lengths in common are encoded together; empty and long ones too."""
    features = record_features(small_spec())
    lengths = [3, 0, 1, 3, 70, 5000]
    offsets = np.append(0, np.cumsum(lengths))
    names = ["candidate_weight", "label_buy", "label_dear"]
    columns: dict[str, np.ndarray] = {}
    for place, name in enumerate(names):
        columns[name] = np.arange(offsets[-1], dtype=np.float32) + place / 4
    columns["candidate_weight"][0] = np.nan
    lists = {name: Lists(offsets, pa.array(values)) for name, values in columns.items()}
    ages = [20.0, float("nan"), 30.0, 40.0, 50.0, 60.0]
    parsed = parse_records(
        encode_records(features, len(lengths), {"user_age": pa.array(ages, pa.float32())}, lists)
    )
    assert [record["user_age"] for record in parsed] == [
        [20.0],
        [None],
        [30.0],
        [40.0],
        [50.0],
        [60.0],
    ]
    for name, values in columns.items():
        expected = [values[start:stop].tolist() for start, stop in itertools.pairwise(offsets)]
        if name == "candidate_weight":
            expected[0][0] = None
        assert [record[name] for record in parsed] == expected
    assert {len(record) for record in parsed} == {len(features)}


def test_integers_of_any_size() -> None:
    """Around those where a varint takes another byte, and negative ones, which take ten."""
    features = [RecordFeature("numbers", "history", "int64"), RecordFeature("one", "user", "int64")]
    numbers = [0, 1, 127, 128, 16_383, 16_384, 2**34, 2**63 - 1, -1, -(2**63)]
    lists = {"numbers": Lists(np.array([0, 0, 3, 10]), pa.array(numbers))}
    records = encode_records(features, 3, {"one": pa.array([5, 0, -7])}, lists)
    parsed = parse_records(records)
    assert [record["numbers"] for record in parsed] == [[], numbers[:3], numbers[3:]]
    assert [record["one"] for record in parsed] == [[5], [0], [-7]]


def test_records_are_written_as_protobuf_writes_them() -> None:
    features = [RecordFeature("user_id", "user", "string")]
    expected = tf.train.Example()
    expected.features.feature["user_id"].bytes_list.value.append(b"u1")
    found = encode_records(features, 1, {"user_id": pa.array(["u1"])}, {})
    assert found == [expected.SerializeToString()]
