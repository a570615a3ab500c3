"""Statistics of records against a naive reference, over shards of users and of keys."""

from __future__ import annotations

import base64
import itertools
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.activity import ItemPool, active_items, step_of
from preprocessing.combiners import MergeKeyCounts
from preprocessing.counting.lines import lines_of_keys, lines_of_what_never_counted
from preprocessing.counting.rows import KeyShard, Rows, ShardRows, overall
from preprocessing.entities import EntityTable
from preprocessing.event_features import EventFeatures, Tables
from preprocessing.events import SortedEvents
from preprocessing.request_frames import request_frame
from preprocessing.shard import ShardRecords
from preprocessing.sources.columns import KEY, TIME
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.log_totals import decode_totals
from preprocessing.statistics.names import SEPARATOR
from tests.preprocessing.statistics.reference import reference_statistics
from tests.preprocessing.test_shard import BUY, CUT, EVENT, event_table, known_of
from tests.testing import Record, Row, parse_records, small_spec

ITEMS = [
    {"item_id": "i1", "timestamp": 0, "maker": "a"},
    {"item_id": "i1", "timestamp": 9, "maker": "b"},
    {"item_id": "i2", "timestamp": 3, "maker": "b"},
    {"item_id": "i3", "timestamp": 0, "maker": ""},
    {"item_id": "i4", "timestamp": 0, "maker": "a"},
]
VIEWS = [{"column": "action", "equals": "view"}]
STATISTICS: dict[str, Any] = {
    "item_id": {},
    "maker": {"step": "3s", "windows": ["3s", "all"]},
    "user": {"where": [], "counts": ["recency", "rate"]},
    "user_item": {
        "of": ["user", "item_id"],
        "counts": ["events", "positives", "rate", "recency"],
        "prior": 0.5,
    },
    "last_seen": {"of": ["item_id"], "counts": ["recency"], "windows": ["6s", "2s"]},
    "seen": {"of": ["item_id"], "counts": ["positives", "recency"], "windows": ["2s", "all"]},
    "user_place": {
        "of": ["place", "user"],
        "counts": ["events"],
        "windows": ["all"],
        "where": VIEWS,
    },
    "made_at": {"of": ["maker", "place"], "counts": ["rate", "positives"], "windows": ["4s"]},
}
LOGS = st.lists(EVENT, min_size=1, max_size=40)


def _spec(names: Sequence[str], **changes: Any) -> DatasetSpec:
    statistics: dict[str, Any] = {}
    for name in names:
        statistics[name] = {"step": "2s", "windows": ["2s", "6s", "all"]} | STATISTICS[name]
    features = {
        "item": {
            "maker": {"kind": "categorical"},
            "place": {"kind": "categorical", "table": "events", "column": "device"},
        },
        "statistics": statistics,
    }
    items = {"format": "csv", "path": "items.csv", "key": "item_id", "timestamp": "timestamp"}
    return small_spec(features=features, items=items, users=None, **changes)


SPECS = st.builds(
    lambda names, changes: _spec(names, **changes),
    st.lists(st.sampled_from(sorted(STATISTICS)), min_size=1, max_size=3, unique=True),
    st.sampled_from(
        [
            {},
            {
                "candidates": {"max_per_request": 3, "where": VIEWS},
                "tasks": {"buy": BUY | {"within": 3}},
            },
            {"negatives": {"per_request": 2}},
            {"events": {"format": "csv", "path": "events.csv", "request": "request"}},
        ]
    ),
)


class Cut(NamedTuple):
    """How a log is cut.

    Attributes:
        users: Shards of users.
        keys: Shards of keys.
        salt: Which users come together.
    """

    users: int = 2
    keys: int = 3
    salt: int = 0

    def of_users(self, log: Sequence[Row]) -> list[list[Row]]:
        """The rows of each shard of users that has some."""
        by_shard: dict[int, list[Row]] = {}
        for row in log:
            shard = zlib.crc32(f"{self.salt} {row['user_id']}".encode()) % self.users
            by_shard.setdefault(shard, []).append(row)
        return [rows for _, rows in sorted(by_shard.items())]


TWO = Cut()
CUTS = st.builds(Cut, st.integers(1, 4), st.integers(1, 9), st.integers(0, 3))


def _tables(spec: DatasetSpec, log: Sequence[Row]) -> Tables:
    """What all shards know of items."""
    whole = event_table(spec, log)
    items = EntityTable.from_table(
        pa.table(
            {
                KEY: [row["item_id"] for row in ITEMS],
                TIME: [row["timestamp"] for row in ITEMS],
                "text:maker": [row["maker"] for row in ITEMS],
            }
        )
    )
    pool = _pool(spec, SortedEvents.from_table(whole))
    return Tables(items=items, pool=pool, known=known_of(spec, whole))


def _key_shards(
    spec: DatasetSpec, events: Sequence[SortedEvents], tables: Tables, cut: Cut
) -> list[KeyShard]:
    """What shards of keys get of the events of shards of users."""
    by_key: dict[int, list[Rows]] = {}
    for number, own in enumerate(events):
        features = EventFeatures(spec, own, tables)
        frame = request_frame(spec, own, CUT, tables.pool).frame
        for key, of_key in ShardRows(spec, number, own, features, frame).by_key(cut.keys):
            by_key.setdefault(key, []).append(of_key)
    return [KeyShard(spec, rows) for rows in by_key.values()]


def _events(spec: DatasetSpec, log: Sequence[Row], cut: Cut) -> list[SortedEvents]:
    """Those of each shard of users."""
    shards = cut.of_users(log)
    return [SortedEvents.from_table(event_table(spec, rows)) for rows in shards]


def _records(spec: DatasetSpec, log: Sequence[Row], cut: Cut = TWO) -> list[Record]:
    """The records of a log whose users and keys are in shards, with all that these are told."""
    if not log:
        return []
    tables = _tables(spec, log)
    events = _events(spec, log, cut)
    answered: dict[int, list[tuple[str, bytes]]] = {}
    for shard in _key_shards(spec, events, tables, cut):
        for asked_by, answer in shard.answers():
            answered.setdefault(asked_by, []).append(answer)
    in_total = _overall(spec, events)
    records: list[Record] = []
    for number, own in enumerate(events):
        totals = decode_totals(spec, in_total, answered.get(number, []))
        for _, encoded in ShardRecords(spec, own, tables, CUT, totals):
            records += parse_records(encoded)
    return records


def _table(spec: DatasetSpec, log: Sequence[Row], time: int, cut: Cut) -> dict[bytes, np.ndarray]:
    """The statistics table as of a time: numbers by key."""
    events = _events(spec, log, cut)
    in_all = _overall(spec, events)
    cutoffs = CUT._replace(end=time)
    lines: list[bytes] = []
    for shard in _key_shards(spec, events, _tables(spec, log), cut):
        for counted in shard.at(time):
            lines += lines_of_keys(counted, spec, in_all, cutoffs).splitlines()
    lines += lines_of_what_never_counted(cutoffs, spec, in_all).splitlines()
    table: dict[bytes, np.ndarray] = {}
    for line in lines:
        key, value = (base64.urlsafe_b64decode(part + b"==") for part in line.split(b"\t"))
        assert key not in table
        table[key] = np.frombuffer(value, "<f4")
    return table


def _overall(spec: DatasetSpec, events: Sequence[SortedEvents]) -> dict[str, bytes]:
    parts: dict[str, list[bytes]] = {}
    for own in events:
        for name, rows in overall(spec, own):
            parts.setdefault(name, []).append(rows)
    merge = MergeKeyCounts()
    merged: dict[str, bytes] = {}
    for name, of_name in parts.items():
        together = merge.extract_output(merge.merge_accumulators([of_name]))
        if together is not None:
            merged[name] = together
    return merged


def _seen(records: Sequence[Record], steps: set[int], now: int) -> dict[Any, Record]:
    """The records that see nothing from `now` on, by their place in the log."""
    return {_place(record): record for record in records if _is_seen(record, steps, now)}


def _pool(spec: DatasetSpec, events: SortedEvents) -> ItemPool | None:
    if spec.negatives is None:
        return None
    step = step_of(spec.negatives.window, CUT)
    return ItemPool(active_items(events, spec.candidates, step), spec.negatives, step)


@pytest.mark.slow
@settings(max_examples=80)
@given(SPECS, LOGS, CUTS)
def test_equal_the_reference(spec: DatasetSpec, log: list[Row], cut: Cut) -> None:
    for record in _records(spec, log, cut):
        for name, expected in reference_statistics(spec, log, ITEMS, record).items():
            np.testing.assert_allclose(
                record[name], np.array(expected, np.float32), rtol=1e-6, err_msg=name
            )


@pytest.mark.slow
@settings(max_examples=60)
@given(SPECS, LOGS, CUTS, st.integers(0, 20))
def test_the_table_equals_the_reference_however_the_log_is_cut(
    spec: DatasetSpec, log: list[Row], cut: Cut, time: int
) -> None:
    """At any time, so also where nothing of a shard, or of the log, has been counted yet."""
    table = _table(spec, log, time, cut)
    places = itertools.product(["i1", "i2", "i3", "i4", "new"], ["a", "b", ""], ["phone", ""])
    items, makers, devices = zip(*places, strict=True)
    record: Record = {
        "timestamp": [time],
        "user_id": ["new"],
        "candidate_item_id": list(items),
        "candidate_maker": list(makers),
        "candidate_place": list(devices),
    }
    expected = reference_statistics(spec, log, ITEMS, record)
    for name, statistic in spec.features.statistics.items():
        if statistic.is_of_user(name):
            continue
        parts = [record[f"candidate_{part}"] for part in statistic.item_keys(name)]
        rows = []
        for key in zip(*parts, strict=True):
            joined = "" if "" in key else SEPARATOR.join(key)
            default = table[f"of\x1f{name}\x1f".encode()]
            rows.append(table.get(f"of\x1f{name}\x1f{joined}".encode(), default))
        columns = statistic.columns(name, tuple(spec.tasks))
        wanted = [expected[f"candidate_{column.name}"] for column in columns]
        np.testing.assert_allclose(rows, np.array(wanted, np.float32).T, rtol=1e-6, err_msg=name)


def test_a_new_key_in_the_step_that_is_not_over_is_not_in_the_table() -> None:
    """Of a shard of keys, nothing may be left."""
    spec = _spec(["item_id", "made_at"])
    log = [_event("u1", "i1", 0), _event("u1", "i2", 4)]
    found = _table(spec, log, 5, Cut(users=1, keys=50))
    named = [key.decode().split(SEPARATOR)[1:] for key in found]
    assert sorted(named) == [["item_id", ""], ["item_id", "i1"], ["made_at", ""]]


@pytest.mark.slow
@settings(max_examples=40)
@given(SPECS, LOGS, LOGS, st.integers(0, 20))
def test_what_comes_in_the_requests_step_or_after_it_changes_nothing(
    spec: DatasetSpec, log: list[Row], others: list[Row], now: int
) -> None:
    """Neither its own events, nor their labels, nor anybody else's."""
    steps = {statistic.step for statistic in spec.features.statistics.values()}
    changed = [row for row in log if row["timestamp"] < now]
    changed += [row for row in others if row["timestamp"] >= now]
    before = _seen(_records(spec, log), steps, now)
    after = _seen(_records(spec, changed), steps, now)
    names = [f"user_{column.name}" for column in spec.statistic_columns("user")]
    for place in before.keys() & after.keys():
        for name in names:
            assert before[place][name] == after[place][name]
        for old, new in _same_candidates(spec, before[place], after[place]):
            assert old == new


def _place(record: Record) -> tuple[Any, ...]:
    return record["user_id"][0], record["timestamp"][0], record["request_id"][0]


def _is_seen(record: Record, steps: set[int], now: int) -> bool:
    """Whether the record's request sees nothing at or after `now`."""
    return all(record["timestamp"][0] // step * step <= now for step in steps)


def _same_candidates(spec: DatasetSpec, before: Record, after: Record) -> list[tuple[Any, Any]]:
    """The statistics of candidates with the same keys in two records, pair by pair."""
    columns = [f"candidate_{column.name}" for column in spec.statistic_columns("candidate")]
    keys = ["candidate_item_id", "candidate_maker", "candidate_place"]
    found = []
    for old in range(len(before["candidate_item_id"])):
        for new in range(len(after["candidate_item_id"])):
            if all(before[key][old] == after[key][new] for key in keys):
                found.append(([before[c][old] for c in columns], [after[c][new] for c in columns]))
    return found


def _event(user: str, item: str, time: int, action: str = "view") -> Row:
    return {
        "user_id": user,
        "item_id": item,
        "timestamp": time,
        "action": action,
        "price": "",
        "device": "",
        "request": "",
    }


def test_hand_computed() -> None:
    log = [
        _event("u1", "i1", 0, "buy"),
        _event("u2", "i1", 3),
        _event("ü", "i1", 3, "buy"),
        _event("u1", "i2", 1, "buy"),
        _event("u1", "i1", 5),
        _event("u1", "i1", 4, "buy"),
    ]
    spec = _spec(["item_id", "user_item"], tasks={"buy": BUY})
    record = next(record for record in _records(spec, log) if record["request_id"] == ["u1:5"])
    assert record["candidate_item_id_2s_events"] == [
        2.0
    ]  # at 3, by two users; 4 and 5 are of a step that isn't over
    assert record["candidate_item_id_all_events"] == [3.0]
    assert record["candidate_item_id_all_buy"] == [2.0]
    mean = (3 + 1) / (4 + 2)
    assert record["candidate_item_id_all_buy_rate"] == [pytest.approx((2 + 10 * mean) / (3 + 10))]
    assert record["candidate_user_item_all_events"] == [1.0]
    assert record["candidate_user_item_6s_buy_rate"] == [
        pytest.approx((1 + 0.5 * mean) / (1 + 0.5))
    ]
    assert record["candidate_user_item_2s_events"] == [0.0]


def test_a_positive_counts_from_the_event_that_makes_it_one() -> None:
    log = [
        _event("u2", "i1", 0),
        _event("u2", "i1", 5, "buy"),
        _event("u1", "i1", 4),
        _event("u1", "i1", 6),
    ]
    changes = {"candidates": {"where": VIEWS}, "tasks": {"buy": BUY | {"within": 5}}}
    spec = _spec(["item_id"], **changes)
    found = {record["request_id"][0]: record for record in _records(spec, log)}
    assert found["u1:4"]["candidate_item_id_all_buy"] == [0.0]
    assert found["u1:6"]["candidate_item_id_all_buy"] == [1.0]
    assert found["u1:6"]["candidate_item_id_2s_events"] == [1.0]  # of another event
    assert found["u1:6"]["candidate_item_id_2s_buy_rate"] == [
        pytest.approx((1 + 10 * 2 / 4) / (1 + 10))
    ]


def test_a_window_with_more_positives_than_events_has_a_rate_of_one() -> None:
    log = [
        _event("u2", "i1", 0),
        _event("u3", "i1", 0),
        _event("u2", "i1", 4, "buy"),
        _event("u3", "i1", 5, "buy"),
    ]
    changes = {"candidates": {"where": VIEWS}, "tasks": {"buy": BUY | {"within": 5}}}
    spec = _spec(["user_item"], **changes)
    records = _records(spec, [*log, _event("u2", "i1", 6)])
    (record,) = [record for record in records if record["request_id"] == ["u2:6"]]
    assert record["candidate_user_item_2s_events"] == [0.0]
    assert record["candidate_user_item_2s_buy"] == [1.0]
    assert record["candidate_user_item_2s_buy_rate"] == [1.0]


def test_a_key_that_is_absent_counts_nothing() -> None:
    spec = _spec(["maker"])
    log = [_event("u2", "i3", 0, "buy"), _event("u1", "i3", 7)]
    record = next(record for record in _records(spec, log) if record["request_id"] == ["u1:7"])
    assert record["candidate_maker"] == [""]
    assert record["candidate_maker_all_events"] == [0.0]


def test_recency_is_that_of_the_last_event_and_not_of_what_made_it_positive() -> None:
    log = [
        _event("u2", "i1", 1),
        _event("u2", "i1", 5, "buy"),
        _event("u1", "i1", 7),
    ]
    changes = {"candidates": {"where": VIEWS}, "tasks": {"buy": BUY | {"within": 4}}}
    records = _records(_spec(["seen", "user_item"], **changes), log)
    (record,) = [record for record in records if record["request_id"] == ["u1:7"]]
    assert record["candidate_user_item_recency"] == [0.0]  # its own event is of its own step
    since = 6 - 0  # from the beginning of the event's step to that of the request's
    ten_years = 10 * 365 * 24 * 3600
    assert record["candidate_seen_all_buy"] == [1.0]
    assert record["candidate_seen_recency"] == [
        pytest.approx(1 - np.log1p(since) / np.log1p(ten_years))
    ]
