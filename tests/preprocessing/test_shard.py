"""Records of a shard against a naive reference, at any event order, with duplicates and equal
timestamps."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.activity import ItemPool, active_items, step_of
from preprocessing.entities import EntityTable
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents
from preprocessing.known_values import changes, event_columns, known_table
from preprocessing.shard import ShardRecords
from preprocessing.sources.columns import ITEM, KEY, REQUEST, TIME, USER
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from tests.preprocessing.reference import reference_records
from tests.testing import Record, Row, item_rows, parse_records, small_spec, sort_records, user_rows

CUT = CutOffs(12, 16, end=21)
ITEM_TABLE = {"format": "csv", "path": "items.csv", "key": "item_id"}
USER_TABLE = {"format": "csv", "path": "users.csv", "key": "user_id"}
ITEMS = item_rows(6)
USERS = user_rows(4)
BUY = {"column": "action", "equals": "buy"}
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
    lambda length, most, request, history, shown, labels, timed, joined: small_spec(
        history={"length": length, "where": history},
        candidates={"max_per_request": most, "where": shown},
        events={"format": "csv", "path": "events.csv"} | request,
        items=ITEM_TABLE | {"timestamp": "timestamp" if "items" in timed else None},
        users=USER_TABLE | {"timestamp": "timestamp" if "users" in timed else None},
        **labels,
        **features_of("weather" in joined, "events" in joined, "context" in timed),
    ),
    st.integers(1, 4),
    st.integers(3, 4),
    st.sampled_from([{}, {"request": "request"}, {"request": "request", "request_span": "3s"}]),
    st.sampled_from(
        [[], [{"column": "action", "one_of": ["view", "buy"]}], [{"column": "price", "at_most": 2}]]
    ),
    st.sampled_from(
        [[], [{"column": "action", "equals": "view"}], [{"column": "price", "equals": 2}]]
    ),
    st.sampled_from(
        [
            {},
            {"tasks": {"buy": BUY | {"within": 2}, "dear": {"column": "price", "at_least": 2}}},
            {
                "tasks": {
                    "buy": BUY | {"within": 0},
                    "dear": {"column": "price", "at_least": 2, "within": 3},
                }
            },
            {"negatives": {"per_request": 1, "popularity_power": 0}},
            {"negatives": {"per_request": 2}},
            {"negatives": {"per_request": 2, "window": "4s", "popularity_power": 1}},
        ]
    ),
    st.sets(st.sampled_from(["items", "users", "context"])),
    st.sets(st.sampled_from(["weather", "events"])),
)
TIMED_USERS = [
    {"user_id": "u1", "timestamp": 3, "age": 21},
    {"user_id": "u1", "timestamp": 9, "age": ""},
    {"user_id": "u2", "timestamp": 0, "age": 30},
    {"user_id": "u2", "timestamp": 4, "age": 31},
    {"user_id": "ü", "timestamp": 6, "age": 40},
    {"user_id": "ü", "timestamp": 19, "age": 41},
]
TIMED_WEATHER = [
    {"place": "phone", "timestamp": 2, "weather": "sun"},
    {"place": "phone", "timestamp": 7, "weather": "rain"},
    {"place": "phone", "timestamp": 15, "weather": ""},
]
WEATHER = [{"place": "phone", "weather": "fog"}, {"place": "tv", "weather": "sun"}]
# Some items have no row at first, some never; several rows hold one after the other.
TIMED_ITEMS: list[Row] = []
for item, times in zip(item_rows(6), [[0], [0, 5, 9], [7], [3, 20], [0, 1, 2]], strict=False):
    for time in times:
        TIMED_ITEMS.append(item | {"timestamp": time, "weight": item["weight"] + time / 8})


def features_of(weather: bool, from_events: bool, timed: bool = False) -> dict[str, Any]:
    """The part of a spec that joins a context table by the events' device, or reads an item's
    features from events."""
    features = small_spec().features.model_dump()
    if from_events:
        features["item"]["offer"] = {"kind": "numeric", "table": "events", "column": "price"}
        features["item"]["place"] = {"kind": "categorical", "table": "events", "column": "device"}
    if not weather:
        return {"features": features}
    features["context"]["weather"] = {"kind": "categorical", "table": "context"}
    features["context"]["device"]["table"] = "events"
    table = {"format": "csv", "path": "weather.csv", "key": "place", "on": "device"}
    return {"features": features, "context": table | {"timestamp": "timestamp" if timed else None}}


def rows_of(spec: DatasetSpec) -> dict[str, list[Row]]:
    """The rows of the tables that a spec has, with times where it wants them."""
    known = {
        "items": (TIMED_ITEMS, ITEMS),
        "users": (TIMED_USERS, USERS),
        "context": (TIMED_WEATHER, WEATHER),
    }
    found = {}
    for name, (timed, plain) in known.items():
        table = getattr(spec, name)
        if table is not None:
            found[name] = timed if table.timestamp else plain
    return found


def shard_records(
    spec: DatasetSpec, rows: list[Row], cut: CutOffs = CUT
) -> dict[str, list[Record]]:
    """The records of some events, all users in one shard; the two pre-training splits as
    `windows`."""
    table = event_table(spec, rows)
    events = SortedEvents.from_table(table)
    splits = ("train", "validation", "test", "windows")
    records: dict[str, list[Record]] = {split: [] for split in splits}
    for split, encoded in ShardRecords(spec, events, _tables(spec, table, events, cut), cut):
        records["windows" if split.startswith("pretrain") else split] += parse_records(encoded)
    return {split: sort_records(found) for split, found in records.items()}


def event_table(spec: DatasetSpec, rows: Sequence[Row]) -> pa.Table:
    strings = {USER: "user_id", ITEM: "item_id", "text:action": "action", "text:device": "device"}
    if spec.events.request:
        strings[REQUEST] = "request"
    columns: dict[str, pa.Array] = {}
    for name, source in strings.items():
        columns[name] = pa.array([row[source] for row in rows], pa.string())
    columns[TIME] = pa.array([row["timestamp"] for row in rows], pa.int64())
    columns["number:price"] = pa.array([float(row["price"] or "nan") for row in rows], pa.float64())
    return pa.table(columns)


def _tables(spec: DatasetSpec, table: pa.Table, events: SortedEvents, cut: CutOffs) -> Tables:
    pool = None
    if spec.negatives:
        step = step_of(spec.negatives.window, cut)
        pool = ItemPool(active_items(events, spec.candidates, step), spec.negatives, step)
    tables: dict[str, Any] = {}
    for name, rows in rows_of(spec).items():
        tables[name] = entity_table(name, rows)
    return Tables(**tables, pool=pool, known=known_of(spec, table))


def known_of(spec: DatasetSpec, table: pa.Table) -> dict[str, EntityTable]:
    """What the events know of their items."""
    columns = event_columns(spec)
    rows = table.select([ITEM, TIME, *columns]).rename_columns([KEY, TIME, *columns])
    return {column: known_table(changes(rows, column), column) for column in columns}


def entity_table(name: str, rows: list[Row]) -> EntityTable:
    key, *sources = {
        "items": ("item_id", "multivalent:tags", "number:weight"),
        "users": ("user_id", "number:age"),
        "context": ("place", "text:weather"),
    }[name]
    columns: dict[str, list[Any]] = {KEY: [row[key] for row in rows]}
    for source in sources:
        kind, _, column = source.partition(":")
        values = [row[column] for row in rows]
        columns[source] = [_number(value) for value in values] if kind == "number" else values
    if "timestamp" in rows[0]:
        columns[TIME] = [row["timestamp"] for row in rows]
    return EntityTable.from_table(pa.table(columns))


def _number(value: Any) -> float:
    return float("nan") if value in ("", None) else float(value)


@pytest.mark.slow
@settings(max_examples=150)
@given(SPECS, st.lists(EVENT, min_size=1, max_size=40), st.randoms())
def test_equals_reference_at_any_order(
    spec: DatasetSpec, rows: list[Row], rng: random.Random
) -> None:
    cut = CUT._replace(end=max(row["timestamp"] for row in rows) + 1)
    tables = rows_of(spec)
    expected = reference_records(
        spec, rows, tables["items"], tables["users"], cut, tables.get("context", ())
    )
    shuffled = rng.sample(rows, len(rows))
    found = shard_records(spec, shuffled, cut)
    for split, records in expected.items():
        assert found[split] == sort_records(records), split


@pytest.mark.slow
@settings(max_examples=100)
@given(
    st.lists(EVENT, min_size=1, max_size=40),
    st.sampled_from(
        [{}, {"negatives": {"per_request": 2}}, {"tasks": {"buy": BUY | {"within": 2}}}]
    ),
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_rolling_windows(
    rows: list[Row], changes: dict[str, Any], begin: int, train: int, labels: int
) -> None:
    """A run reads [begin, until + labels) and has requests in [start, until): those of the
    reference."""
    start = begin + train
    until = 18
    read = [row for row in rows if begin <= row["timestamp"] < until + labels]
    if not read:
        return
    spec = small_spec(**changes)
    cut = CUT._replace(start=start, until=until, end=max(row["timestamp"] for row in read) + 1)
    expected = reference_records(spec, read, ITEMS, USERS, cut)
    found = shard_records(spec, read, cut)
    for split in ("train", "validation", "test"):
        kept = [record for record in expected[split] if start <= record["timestamp"][0] < until]
        assert found[split] == sort_records(kept), split
    assert found["windows"] == sort_records(expected["windows"])


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(EVENT, min_size=1, max_size=30), st.lists(EVENT, max_size=10), st.integers(0, 20))
def test_later_events_change_nothing(rows: list[Row], others: list[Row], now: int) -> None:
    """Events after `now` deleted, changed or added: records of requests up to `now` stay the
    same."""
    spec = small_spec(**features_of(False, from_events=True))
    changed = [row for row in rows if row["timestamp"] <= now]
    changed += [row for row in others if row["timestamp"] > now]
    if not changed:
        return
    before = shard_records(spec, rows)
    after = shard_records(spec, changed)
    for split in ("train", "validation", "test"):
        assert _up_to(before[split], now) == _up_to(after[split], now)


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(EVENT, min_size=1, max_size=30), st.lists(EVENT, max_size=10))
def test_windows_end_at_the_cut_off(rows: list[Row], others: list[Row]) -> None:
    spec = small_spec()
    kept = [row for row in rows if row["timestamp"] < CUT.validation]
    later = [row for row in others if row["timestamp"] >= CUT.validation]
    if kept:
        assert shard_records(spec, rows)["windows"] == shard_records(spec, kept + later)["windows"]


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(EVENT, min_size=1, max_size=30), st.lists(EVENT, max_size=10), st.integers(0, 20))
def test_later_events_change_labels_within_the_window_only(
    rows: list[Row], others: list[Row], now: int
) -> None:
    """With an attribution window the label is the one exception, and only events within it change
    one."""
    spec = small_spec(tasks={"buy": BUY | {"within": 3}})
    changed = [row for row in rows if row["timestamp"] <= now]
    changed += [row for row in others if row["timestamp"] > now]
    if not changed:
        return
    before = shard_records(spec, rows)
    after = shard_records(spec, changed)
    for split in ("train", "validation", "test"):
        old = _up_to(before[split], now)
        new = _up_to(after[split], now)
        assert _without_labels(old) == _without_labels(new)
        assert _up_to(old, now - 3) == _up_to(new, now - 3)


@pytest.mark.slow
@settings(max_examples=100)
@given(
    st.lists(EVENT, min_size=1, max_size=30),
    st.lists(EVENT, max_size=10),
    st.integers(0, 20),
    st.sampled_from([0, 1]),
)
def test_later_events_change_no_negatives(
    rows: list[Row], others: list[Row], now: int, power: int
) -> None:
    spec = small_spec(negatives={"per_request": 2, "window": "5s", "popularity_power": power})
    kept = [row for row in rows if row["timestamp"] <= now]
    if not kept:
        return
    before = shard_records(spec, rows)
    after = shard_records(spec, kept + [row for row in others if row["timestamp"] > now])
    for split in ("train", "validation", "test"):
        assert _up_to(before[split], now) == _up_to(after[split], now)


def test_hand_computed_labels_of_a_window() -> None:
    rows = [
        _event("u1", "i1", 5),
        _event("u1", "i2", 5),
        _event("u1", "i1", 7, action="buy"),
        _event("u1", "i2", 8, action="buy"),
        _event("u2", "i2", 6, action="buy"),
        _event("u1", "i3", 10),
        _event("u1", "i3", 9),
    ]
    spec = small_spec(
        tasks={"buy": BUY | {"within": 2}},
        candidates={"where": [{"column": "action", "equals": "view"}]},
    )
    train = {record["request_id"][0]: record for record in shard_records(spec, rows)["train"]}
    assert train["u1:5"]["label_buy"] == [1.0, 0.0]
    assert set(train) == {
        "u1:5",
        "u1:9",
    }  # the window of the view at 10 ends when validation begins


def test_a_value_that_the_row_lacks_is_what_was_known_of_the_item_strictly_before() -> None:
    rows = [
        _event("u2", "i1", 1, price="2"),
        _event("u1", "i1", 1),
        _event("u1", "i2", 2),
        _event("u1", "i1", 3),
        _event("u2", "i1", 3, price="10"),
        _event("u2", "i2", 4, price="1.5"),
        _event("u1", "i1", 5),
    ]
    spec = small_spec(**features_of(False, from_events=True))
    train = {record["request_id"][0]: record for record in shard_records(spec, rows)["train"]}
    assert train["u1:5"]["history_item_id"] == ["i1", "i2", "i1"]
    assert train["u1:5"]["history_offer"] == [None, None, 2.0]
    assert train["u1:5"]["candidate_offer"] == [10.0]
    assert train["u1:3"]["candidate_offer"] == [2.0]


def test_hand_computed_negatives() -> None:
    rows = [_event("u1", f"i{n}", n) for n in range(1, 5)] + [_event("u2", "i5", 2)]
    spec = small_spec(negatives={"per_request": 2})
    train = {record["request_id"][0]: record for record in shard_records(spec, rows)["train"]}
    assert train["u1:4"]["candidate_item_id"] == [
        "i4",
        "i5",
    ]  # only one item is left that u1 hasn't met
    assert train["u1:4"]["label_buy"] == [0.0, 0.0]
    assert train["u1:4"]["candidate_weight"] == [1.0, 1.25]
    assert train["u1:1"]["candidate_item_id"] == ["i1"]  # no item was active before
    assert train["u1:2"]["candidate_item_id"] == ["i2"]  # i5 is active in the same second
    assert train["u2:2"]["candidate_item_id"] == ["i5", "i1"]


def test_negatives_are_of_the_window_before_the_request() -> None:
    rows = [
        _event("u2", "old", 1),
        _event("u2", "recent", 7),
        _event("u1", "i1", 8),
        _event("u1", "i2", 11),
    ]
    spec = small_spec(negatives={"per_request": 2, "window": "4s"})
    train = {record["request_id"][0]: record for record in shard_records(spec, rows)["train"]}
    assert train["u1:8"]["candidate_item_id"] == ["i1", "recent"]
    assert train["u1:11"]["candidate_item_id"] == ["i2", "recent"]


def test_a_user_with_very_many_events_is_encoded_in_pieces() -> None:
    count = 30_000
    times = np.arange(count)
    table = pa.table(
        {
            USER: pa.array(["bot"] * count),
            ITEM: pa.array(np.char.add("i", (times % 5000).astype(str))),
            TIME: pa.array(times),
            "text:action": pa.array(["view"] * count),
            "text:device": pa.array(["tv"] * count),
            "number:price": pa.array(np.ones(count)),
        }
    )
    spec = small_spec(history={"length": 40})
    events = SortedEvents.from_table(table)
    cut = CutOffs(count - 20, count - 10)
    found = 0
    largest = 0
    with _peak_megabytes() as peak:
        for split, records in ShardRecords(
            spec, events, Tables(entity_table("items", ITEMS), entity_table("users", USERS)), cut
        ):
            found += len(records) if split == "train" else 0
            largest = max(largest, len(records))
    assert found == count - 20
    assert largest < 4097
    assert peak[0] < 25  # 11 in pieces, 110 at once


def test_hand_computed_request() -> None:
    rows = [
        _event("u1", "i1", 1, action="buy"),
        _event("u1", "i2", 2),
        _event("u1", "i5", 5, action="buy", price="10"),
        _event("u1", "i4", 5),
        _event("u2", "i2", 3),
        _event("u1", "i3", 6),
    ]
    trained_on = shard_records(small_spec(), rows)["train"]
    (request,) = [record for record in trained_on if record["request_id"] == ["u1:5"]]
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


@contextlib.contextmanager
def _peak_megabytes() -> Iterator[list[float]]:
    """The most that Python and NumPy allocate meanwhile."""
    peak = [0.0]
    tracemalloc.start(1)
    try:
        yield peak
        peak[0] = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _without_labels(records: list[Record]) -> list[Record]:
    found: list[Record] = []
    for record in records:
        found.append({n: value for n, value in record.items() if not n.startswith("label_")})
    return sort_records(found)


def _up_to(records: list[Record], now: int) -> list[Record]:
    return [record for record in records if record["timestamp"][0] <= now]


def _event(user: str, item: str, time: int, action: str = "view", price: str = "") -> Row:
    return {
        "user_id": user,
        "item_id": item,
        "timestamp": time,
        "action": action,
        "price": price,
        "device": "",
    }
