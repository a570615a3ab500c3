"""Rows of JSON that have a key twice are rejected, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.jsonl import read_batches
from preprocessing.sources.message import parse_event
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.repeated_keys import RepeatedKeys
from preprocessing.sources.section import Section
from preprocessing.spec_tables import Explode, Table
from tests.testing import small_spec

COLUMNS = (Column("c", "c", "text", "c"), Column("id", "user.id", "text", "user"))
GOOD = [
    '{"c": 1, "user": {"id": 7}}',
    r'{"c": "\"c\": 1", "user": {"id": "id"}, "other": "c"}',
    '{"c" : 1, "user.id": 7, "user": {"name": "c", "c": 3}, "id": 5}',
    '{"c": 1, "unread": 2, "unread": 3}',
    '{"c": "user", "more": [{"c": 1, "id": 2}, [{"id": 3}]]}',
    "{}",
]
REPEATED = [
    '{"c": 0, "c": 1}',
    '{"c": 1 , "user": {"id": 7, "c" :2, "id": 7}}',
    '{"user": {"id": 7}, "c": 5, "user": {"id": 8}}',
    '{"c": 1, "user.id": 7, "user": {"id": 8}}',
    '{"c": 1, "user.id": 7, "user.id": 8}',
]


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_only_rows_with_a_key_twice_are_rejected(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "log.jsonl"
    lines = [line for pair in zip(GOOD, REPEATED, strict=False) for line in pair] + [GOOD[-1], "{"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = Table.model_validate({"format": "jsonl", "path": str(path)})
    good: list[int] = []
    bad: list[tuple[int, str]] = []
    for part in read_batches(Section(str(path)), table, "events", COLUMNS, None, block_bytes):
        if isinstance(part, RejectedRow):
            bad.append((part.row, part.reason))
        elif isinstance(part, RawBatch):
            good += part.numbers.tolist()
    assert good == [1, 3, 5, 7, 9, 11]
    assert [row for row, reason in bad if reason == "repeated_key"] == [2, 4, 6, 8, 10]
    assert sorted(bad)[:-1] == [(row, "repeated_key") for row in (2, 4, 6, 8, 10)]


def test_entries_of_lists_are_looked_through() -> None:
    columns = (Column("c", "shown.c", "text", "c"),)
    keys = RepeatedKeys(columns, Explode(columns=("shown",)))
    lines = [b'{"shown": [{"c": 1}, {"c": 2}]}', b'{"shown": [{"c": 1}, {"c": 2, "c": 3}]}']
    rows = [json.loads(line) for line in lines]
    problems = keys.problems(b"\n".join(lines), lines, rows)
    assert problems == {1: ("repeated_key", "key 'c' is there twice")}


def test_a_row_may_be_deep() -> None:
    line = b'{"d": ' + b"[" * 900 + b'{"c": 1, "c": 2}' + b"]" * 900 + b"}"
    (problem,) = RepeatedKeys(COLUMNS).problems(line, [line], [json.loads(line)]).values()
    assert problem[0] == "repeated_key"


def test_a_message_with_a_key_twice_is_rejected_too() -> None:
    message = b'{"user_id": "u", "item_id": "i", "timestamp": 5, "action": "buy", "action": "view"}'
    _, (rejected,) = parse_event(small_spec(), message)
    assert (rejected.reason, rejected.message) == ("repeated_key", "key 'action' is there twice")


VALUES = st.recursive(
    st.sampled_from([0, "c", "id", '"c":', '"id" :', "é", None]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["c", "id", "user", "user.id", "é"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=100)
@given(rows=st.lists(st.dictionaries(st.sampled_from(["c", "user", "é"]), VALUES)), ascii_=...)
def test_no_row_that_has_each_key_once_is_rejected(
    rows: list[dict[str, Any]], ascii_: bool
) -> None:
    lines = [json.dumps(row, ensure_ascii=ascii_).encode() for row in rows]
    keys = RepeatedKeys((*COLUMNS, Column("e", "é", "text", "e")))
    assert keys.problems(b"\n".join(lines), lines, rows) == {}
    twice = [b'{"c": 1, "c": 2}', *lines]
    found = keys.problems(b"\n".join(twice), twice, [{"c": 2}, *rows])
    assert list(found) == [0]
