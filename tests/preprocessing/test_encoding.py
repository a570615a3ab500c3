"""Columns to serialised tf.Examples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from preprocessing.encoding import Lists, encode_records
from preprocessing.features import HISTORY_ITEM_ID, record_features
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
