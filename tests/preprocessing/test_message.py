"""Events that come as JSON messages are checked and typed as the log's rows are."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.message import parse_event
from preprocessing.sources.read import read_table
from tests.testing import small_log, small_spec, write_small_dataset


def test_a_message_is_the_row_of_the_log(tmp_path: Path) -> None:
    rows = small_log(events=50)
    spec = write_small_dataset(tmp_path, rows)
    logged = pa.concat_tables(read_table(spec, "events", spec.events.path))
    sent = pa.concat_tables(parse_event(spec, json.dumps(row).encode()) for row in rows)
    assert sent.schema == logged.schema
    assert repr(sent.to_pylist()) == repr(logged.to_pylist())


def test_numbers_stay_as_they_were_written_and_lists_are_joined() -> None:
    spec = small_spec(items=None)
    event = parse_event(
        spec,
        b'{"user_id": 12345678901234567890, "item_id": "i", "timestamp": 5.9, "tags": ["a", "b"], "price": null, '
        b'"weight": 1e3}',
    )
    assert isinstance(event, pa.Table)
    (row,) = event.to_pylist()
    assert (row["user"], row["time"]) == ("12345678901234567890", 5)
    assert (row["multivalent:tags"], row["text:device"], row["number:weight"]) == ("a|b", "", 1000.0)
    assert row["number:price"] != row["number:price"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[1]", "not_an_object"),
        (b'{"item_id": "i", "timestamp": 5}', "missing_user"),
        (b'{"user_id": "u", "item_id": "", "timestamp": 5}', "missing_item"),
        (b'{"user_id": "u", "item_id": "i"}', "missing_timestamp"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": "soon"}', "not_a_number"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": NaN}', "not_finite"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": {"at": 5}}', "not_a_number"),
    ],
)
def test_a_bad_message_is_rejected_with_its_reason(message: bytes, reason: str) -> None:
    rejected = parse_event(small_spec(), message)
    assert isinstance(rejected, RejectedRow)
    assert rejected.reason == reason
