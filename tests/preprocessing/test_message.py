"""Events that come as JSON messages are checked and typed as the log's rows are."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from preprocessing.sources.files import files_of
from preprocessing.sources.message import parse_event
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from tests.preprocessing.parts import Part, good_rows, rejected_rows
from tests.testing import small_log, small_spec, write_small_dataset

# As deep as orjson reads, which is deeper than Python's own functions go.
DEEP = b"[" * 1000 + b"]" * 1000


def event_of(spec: DatasetSpec, message: str) -> pa.Table:
    good, rejected = parse_event(spec, message.encode())
    assert rejected == []
    return good


def test_a_message_is_the_row_of_the_log(tmp_path: Path) -> None:
    rows = small_log(events=50)
    spec = write_small_dataset(tmp_path, rows)
    (path,) = files_of(spec.events, "events")
    logged = pa.concat_tables(read_table(spec, "events", path))
    sent = pa.concat_tables(event_of(spec, json.dumps(row)) for row in rows)
    assert sent.schema == logged.schema
    assert repr(sent.to_pylist()) == repr(logged.to_pylist())


def test_numbers_stay_as_they_were_written_and_lists_are_joined() -> None:
    spec = small_spec(items=None)
    event = event_of(
        spec,
        '{"user_id": 123456789012345678901234567890, "item_id": 4.0, "timestamp": 5.9, '
        '"tags": ["a", "b"], '
        '"price": null, "weight": 1e3}',
    )
    (row,) = event.to_pylist()
    assert (row["user"], row["item"], row["time"]) == ("123456789012345678901234567890", "4", 5)
    assert (row["multivalent:tags"], row["text:device"], row["number:weight"]) == (
        "a|b",
        "",
        1000.0,
    )
    assert row["number:price"] != row["number:price"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"{", "unreadable"),
        (b"\xff\xfe", "undecodable"),
        (b"[1]", "not_an_object"),
        (b'{"item_id": "i", "timestamp": 5}', "missing_user"),
        (b'{"user_id": "u", "item_id": "", "timestamp": 5}', "missing_item"),
        (b'{"user_id": "u", "item_id": "i"}', "missing_timestamp"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": "soon"}', "not_a_number"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": NaN}', "not_finite"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": {"at": 5}}', "not_one_value"),
        (b'{"user_id": %s, "item_id": "i", "timestamp": 5}' % DEEP, "not_one_value"),
        (b'{"user_id": "u", "item_id": "i", "timestamp": 5, "tags": %s}' % DEEP, "not_one_value"),
        (b"[" * 100_000 + b"NaN", "unreadable"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_message_is_rejected_with_its_reason(message: bytes, reason: str) -> None:
    _, (rejected,) = parse_event(small_spec(items=None), message)
    assert rejected.reason == reason


def test_a_message_is_read_as_the_same_line_of_a_json_log(tmp_path: Path) -> None:
    """Nested ids, booleans, whole numbers with a point, lists that are taken apart: in batches and
    one by one."""
    lines = [
        (
            '{"user": {"id": 7}, "at": 4.0, '
            '"shown": [{"item": 1.0, "clicked": true}, {"item": "b", "clicked": 0}]}'
        ),
        (
            '{"user": {"id": "7"}, "at": "5", '
            '"shown": [{"item": null, "clicked": false}, {"item": 3, "clicked": "x"}]}'
        ),
        '{"user": {"id": true}, "at": 6, "shown": {"item": 18446744073709551617, "clicked": 1}}',
        '{"user": {"id": [1]}, "at": 7, "shown": [{"item": 1, "clicked": 1}]}',
        '{"user": {"id": 8}, "at": 7, "shown": []}',
        '{"user": {"id": 8}, "at": 7, "shown": [',
        '{"user": {"id": 8}, "user": {"id": 9}, "at": 7, "shown": [{"item": 1, "clicked": 1}]}',
        "[1]",
        "half a pair \udcff is a byte that isn't UTF-8",
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines), "utf-8", "surrogateescape")
    events = {
        "format": "jsonl",
        "path": str(path),
        "user": "user.id",
        "item": "shown.item",
        "timestamp": "at",
    }
    spec = small_spec(
        events=events | {"explode": {"columns": ["shown"]}},
        items=None,
        users=None,
        features={},
        tasks={"click": {"column": "shown.clicked", "equals": 1}},
    )
    parts = list(read_table(spec, "events", str(path)))
    logged = good_rows(parts)
    sent: list[Part] = []
    for line in lines:
        good, bad = parse_event(spec, line.encode("utf-8", "surrogateescape"))
        sent += [bad] if good is None else [good, bad]
    assert good_rows(sent) == logged
    reasons = sorted(row.reason for row in rejected_rows(parts))
    assert sorted(row.reason for row in rejected_rows(sent)) == reasons
    assert [tuple(row.values()) for row in logged] == [
        ("7", "1", 4, 1.0),
        ("7", "b", 4, 0.0),
        ("true", "18446744073709551617", 6, 1.0),
    ]
    assert reasons == [
        "empty_list",
        "missing_item",
        "not_a_number",
        "not_an_object",
        "not_one_value",
        "repeated_key",
        "undecodable",
        "unreadable",
    ]
