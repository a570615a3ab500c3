"""Records of a shard against a naive reference, at any event order, with duplicates and equal timestamps."""

from __future__ import annotations

import random

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.entities import EntityTable
from preprocessing.events import SortedEvents
from preprocessing.shard import ShardRecords
from preprocessing.sources.columns import ITEM, KEY, REQUEST, TIME, USER
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from tests.preprocessing.reference import reference_records
from tests.testing import Record, Row, item_rows, parse_records, small_spec, sort_records, user_rows

CUT = CutOffs(12, 16)
ITEMS, USERS = item_rows(6), user_rows(4)
EVENT = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["u1", "u2", "u10", "ü"]),
        "item_id": st.sampled_from(["i1", "i2", "i3", "i4", "unknown"]),
        "timestamp": st.integers(0, 20),
        "action": st.sampled_from(["view", "buy", ""]),
        "price": st.sampled_from(["", "1.5", "2", "10"]),
        "device": st.sampled_from(["phone", ""]),
        "request": st.sampled_from(["", "", "r1", "r2"]),
    }
)
SPECS = st.builds(
    lambda length, most, request, history, shown: small_spec(
        history={"length": length, "where": history},
        candidates={"max_per_request": most, "where": shown},
        events={"format": "csv", "path": "events.csv", "request": request},
    ),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([None, "request"]),
    st.sampled_from([[], [{"column": "action", "one_of": ["view", "buy"]}], [{"column": "price", "at_most": 2}]]),
    st.sampled_from([[], [{"column": "action", "equals": "view"}], [{"column": "price", "equals": 2}]]),
)


def shard_records(spec: DatasetSpec, rows: list[Row]) -> dict[str, list[Record]]:
    """The records of some events, all users in one shard; the two pre-training splits as `windows`."""
    events = SortedEvents.from_table(event_table(spec, rows))
    records: dict[str, list[Record]] = {name: [] for name in ("train", "validation", "test", "windows")}
    for split, encoded in ShardRecords(spec, events, items_table(), users_table(), CUT):
        records["windows" if split.startswith("pretrain") else split] += parse_records(encoded)
    return {split: sort_records(found) for split, found in records.items()}


def event_table(spec: DatasetSpec, rows: list[Row]) -> pa.Table:
    strings = {USER: "user_id", ITEM: "item_id", "text:action": "action", "text:device": "device"}
    if spec.events.request:
        strings[REQUEST] = "request"
    columns = {name: pa.array([row[source] for row in rows], pa.string()) for name, source in strings.items()}
    columns[TIME] = pa.array([row["timestamp"] for row in rows], pa.int64())
    columns["number:price"] = pa.array([float(row["price"] or "nan") for row in rows], pa.float64())
    return pa.table(columns)


def items_table() -> EntityTable:
    columns = {
        KEY: [row["item_id"] for row in ITEMS],
        "multivalent:tags": [row["tags"] for row in ITEMS],
        "number:weight": [row["weight"] for row in ITEMS],
    }
    return EntityTable.from_table(pa.table(columns))


def users_table() -> EntityTable:
    ages = [float(row["age"] or "nan") for row in USERS]
    return EntityTable.from_table(pa.table({KEY: [row["user_id"] for row in USERS], "number:age": ages}))


@settings(max_examples=150, deadline=None)
@given(SPECS, st.lists(EVENT, min_size=1, max_size=40), st.randoms())
def test_equals_reference_at_any_order(spec: DatasetSpec, rows: list[Row], rng: random.Random) -> None:
    expected = reference_records(spec, rows, ITEMS, USERS, CUT)
    shuffled = rng.sample(rows, len(rows))
    found = shard_records(spec, shuffled)
    for split, records in expected.items():
        assert found[split] == sort_records(records), split


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=30), st.lists(EVENT, max_size=10), st.integers(0, 20))
def test_later_events_change_nothing(rows: list[Row], others: list[Row], now: int) -> None:
    """Events after `now` deleted, changed or added: records of requests up to `now` stay the same."""
    spec = small_spec()
    changed = [row for row in rows if row["timestamp"] <= now] + [row for row in others if row["timestamp"] > now]
    if not changed:
        return
    before, after = shard_records(spec, rows), shard_records(spec, changed)
    for split in ("train", "validation", "test"):
        assert _up_to(before[split], now) == _up_to(after[split], now)


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=30), st.lists(EVENT, max_size=10))
def test_windows_end_at_the_cut_off(rows: list[Row], others: list[Row]) -> None:
    spec = small_spec()
    kept = [row for row in rows if row["timestamp"] < CUT.validation]
    later = [row for row in others if row["timestamp"] >= CUT.validation]
    if kept:
        assert shard_records(spec, rows)["windows"] == shard_records(spec, kept + later)["windows"]


def test_hand_computed_request() -> None:
    rows = [
        _event("u1", "i1", 1, action="buy"),
        _event("u1", "i2", 2),
        _event("u1", "i5", 5, action="buy", price="10"),
        _event("u1", "i4", 5),
        _event("u2", "i2", 3),
        _event("u1", "i3", 6),
    ]
    request = next(r for r in shard_records(small_spec(), rows)["train"] if r["request_id"] == ["u1:5"])
    assert request["history_item_id"] == ["i1", "i2"]
    assert request["history_timestamp"] == [1, 2]
    assert request["history_action"] == ["buy", "view"]
    assert request["candidate_item_id"] == ["i4", "i5"]
    assert request["candidate_tags"] == ["t0", "t0|t1"]
    assert request["candidate_weight"] == [1.0, 1.25]
    assert request["label_buy"] == [0.0, 1.0]
    assert request["label_dear"] == [0.0, 1.0]
    assert request["user_age"] == [21.0]


def test_long_requests_are_cut_and_share_their_history() -> None:
    rows = [_event("u1", f"i{n}", 5) for n in range(1, 5)] + [_event("u1", "i1", 1)]
    pieces = [r for r in shard_records(small_spec(), rows)["train"] if r["request_id"] == ["u1:5"]]
    assert sorted(len(piece["candidate_item_id"]) for piece in pieces) == [1, 3]
    assert all(piece["history_item_id"] == ["i1"] for piece in pieces)


def _up_to(records: list[Record], now: int) -> list[Record]:
    return [record for record in records if record["timestamp"][0] <= now]


def _event(user: str, item: str, time: int, action: str = "view", price: str = "") -> Row:
    return {"user_id": user, "item_id": item, "timestamp": time, "action": action, "price": price, "device": ""}
