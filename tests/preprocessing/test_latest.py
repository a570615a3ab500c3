"""Users' records as of now: the same from the Beam job, from the lookup of one user, and from
compacted events."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from preprocessing.counting.rows import overall
from preprocessing.errors import DataError
from preprocessing.event_features import Tables
from preprocessing.events import SortedEvents
from preprocessing.latest import compact, latest_frame, union, user_records
from preprocessing.lookup import met_items, user_record
from preprocessing.sources.columns import ITEM, TIME, USER
from preprocessing.sources.files import files_of
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from preprocessing.statistics.log_totals import decode_totals
from preprocessing.user_records import UserRecords
from tests.preprocessing.reference import reference_records
from tests.preprocessing.statistics.reference import reference_statistics
from tests.preprocessing.test_shard import entity_table
from tests.testing import (
    HOUR,
    START,
    item_rows,
    parse_records,
    small_log,
    small_spec,
    user_rows,
    write_small_dataset,
)

BUYS_ONLY = {"length": 5, "where": [{"column": "action", "equals": "buy"}]}


def _records(spec: DatasetSpec, folder: Path, as_of: int | None = None) -> dict[str, bytes]:
    with beam.Pipeline("FnApiRunner") as pipeline:
        records = pipeline | UserRecords(spec, as_of, shards=4) | beam.Map(lambda user: user[1])
        _ = records | beam.io.WriteToTFRecord(str(folder / "users"), num_shards=1)
    written = list(
        tf.data.TFRecordDataset(str(folder / "users-00000-of-00001")).as_numpy_iterator()
    )
    by_user: dict[str, bytes] = {}
    for record, raw in zip(parse_records(written), written, strict=True):
        by_user[record["user_id"][0]] = raw
    return by_user


def test_too_many_rejected_rows_fail_the_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = write_small_dataset(tmp_path, small_log(events=100)[:97])
    with (tmp_path / "events.csv").open("a") as stream:
        stream.write("u1,,5,buy,2,tv\n" * 2 + "u1,i1,soon,buy,2,tv\n")
    message = (
        "3 of the 100 rows of table events .* can't be used, 3.00%, and max_bad_rows allows 1.00%. "
        "Most frequent: 2 x missing_item .*events.csv, row 99: column 'item_id' is empty"
    )
    with pytest.raises(DataError, match=message):
        _records(spec, tmp_path)
    assert _records(spec.model_copy(update={"max_bad_rows": 0.03}), tmp_path)
    assert f"Rejected, not_a_number: {tmp_path}/events.csv, row 101" in caplog.text


FROM_EVENTS = small_spec().features.model_dump()
FROM_EVENTS["item"]["offer"] = {"kind": "numeric", "table": "events", "column": "price"}


COUNTED = small_spec().features.model_dump() | {
    "statistics": {
        "user": {"windows": ["1d", "all"], "step": "1d"},
        "met": {"of": ["user", "item_id"], "counts": ["events", "rate"], "windows": ["1d", "all"]},
    }
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"history": BUYS_ONLY},
        {"features": FROM_EVENTS},
        {"features": COUNTED, "history": BUYS_ONLY},
    ],
)
def test_every_user_has_the_record_that_a_lookup_finds(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    spec = write_small_dataset(tmp_path, **changes)
    found = _records(spec, tmp_path)
    assert set(found) == {row["user_id"] for row in small_log()}
    for user in ("u1", "u7", "u20"):
        (record,) = parse_records([found[user]])
        (expected,) = parse_records([user_record(spec, user) or b""])
        assert record == expected
        assert record["candidate_item_id"] == [] and record["history_item_id"]


def test_statistics_of_users_as_of_now_equal_the_reference(tmp_path: Path) -> None:
    """Those of the user alone, and those of each item that the user met; of events that were
    compacted, too."""
    spec = write_small_dataset(tmp_path, features=COUNTED)
    log = small_log()
    (record,) = parse_records([user_record(spec, "u7") or b""])
    lines = [line.split("\t") for line in record["user_statistics"][0].split("\n")]
    items = [base64.urlsafe_b64decode(key + "==").decode() for _, key, _ in lines]
    begin = record["timestamp"][0] // HOUR * HOUR
    before = [row for row in log if row["user_id"] == "u7" and row["timestamp"] < begin]
    assert set(items) == {row["item_id"] for row in before}
    encoded = [base64.urlsafe_b64decode(numbers + "==") for _, _, numbers in lines]
    found = [np.frombuffer(numbers, "<f4") for numbers in encoded]
    expected = reference_statistics(spec, log, [], record | {"candidate_item_id": items})
    met = [expected[f"candidate_{column.name}"] for column in spec.statistic_columns("candidate")]
    np.testing.assert_allclose(found, np.array(met, np.float32).T, rtol=1e-6)
    for column in spec.statistic_columns("user"):
        name = f"user_{column.name}"
        np.testing.assert_allclose(record[name], np.array(expected[name], np.float32), rtol=1e-6)
    own = SortedEvents.from_table(compact(spec, _events(spec)))
    totals = decode_totals(spec, dict(overall(spec, SortedEvents.from_table(_events(spec)))))
    tables = Tables(entity_table("items", item_rows()), entity_table("users", user_rows()))
    again = dict(user_records(spec, own, tables, totals=totals))["u7"]
    assert parse_records([again])[0]["user_statistics"] == record["user_statistics"]


@pytest.mark.slow
def test_values_that_rows_lack_are_those_of_the_reference(tmp_path: Path) -> None:
    """As of each behaviour's own time, however much later the record is made, and from all users'
    events."""
    spec = write_small_dataset(tmp_path, features=FROM_EVENTS)
    rows = small_log()
    users = [row["user_id"] for row in small_log()]
    after = max(row["timestamp"] for row in rows) + 1
    asked = [small_log()[0] | {"user_id": user, "timestamp": after} for user in set(users)]
    cut = CutOffs(after, after + 1)
    expected = reference_records(spec, rows + asked, item_rows(), user_rows(), cut)["validation"]
    histories = {record["user_id"][0]: record["history_offer"] for record in expected}
    for user, raw in _records(spec, tmp_path, as_of=after).items():
        assert parse_records([raw])[0]["history_offer"] == histories[user]


@pytest.mark.slow
def test_as_of_hides_what_comes_later_and_dates_the_request(tmp_path: Path) -> None:
    rows = small_log()
    as_of = START + 50 * HOUR
    later = [row | {"item_id": "later"} for row in rows if row["timestamp"] >= as_of]
    earlier = [row for row in rows if row["timestamp"] < as_of]
    spec = write_small_dataset(tmp_path, earlier + later, features=COUNTED)
    found = _records(spec, tmp_path, as_of)
    assert parse_records([found["u7"]]) == parse_records([user_record(spec, "u7", as_of) or b""])
    for record in parse_records(found.values()):
        assert record["timestamp"] == [as_of]
        assert "later" not in record["history_item_id"]
        assert len(record["history_item_id"]) == 5
        assert max(record["history_timestamp"]) < as_of


def _events(spec: DatasetSpec) -> pa.Table:
    (path,) = files_of(spec.events, "events")
    parts = read_table(spec, "events", path)
    return pa.concat_tables(part for part in parts if isinstance(part, pa.Table))


def test_compacted_events_give_the_same_histories_in_any_order_of_arrival(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, history=BUYS_ONLY)
    table = _events(spec)
    kept = table.slice(0, 0)
    for start in range(0, table.num_rows, 100):
        kept = compact(spec, pa.concat_tables([kept, table.slice(start, 100)]))
    assert kept.num_rows <= 40 * (5 + 1)
    histories = []
    for rows in (table, kept):
        events = SortedEvents.from_table(rows)
        frame = latest_frame(spec, events)
        offsets, numbers = frame.history.flat()
        items = events.strings[ITEM].take(numbers).strings().to_pylist()
        histories.append(
            (frame.times.tolist(), offsets.tolist(), items, events.time[numbers].tolist())
        )
    assert histories[0] == histories[1]


def test_events_that_are_alike_are_as_many_as_in_the_table_with_most_of_them(
    tmp_path: Path,
) -> None:
    table = _events(write_small_dataset(tmp_path))
    counts = Counter(map(repr, table.to_pylist()))
    assert max(counts.values()) > 1
    once = union([table, table.slice(0, 300), table.slice(200, 300)])
    assert Counter(map(repr, once.to_pylist())) == counts  # what comes again is what was there
    order = [(row[USER], row[TIME]) for row in once.to_pylist()]
    assert order == sorted(order)
    single = table.slice(0, 1)
    assert union([single, pa.concat_tables([single] * 3)]).num_rows == 3
    assert union([table.slice(0, 0), single]).num_rows == 1


def test_items_that_were_met_go_back_further_than_a_history(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, history=BUYS_ONLY)
    own = [row for row in small_log() if row["user_id"] == "u1"]
    bought = {row["item_id"] for row in own if row["action"] == "buy"}
    assert met_items(spec, "u1") == bought and len(bought) > spec.history.length
    assert met_items(spec, "nobody") == set()
