"""Events as they arrive refresh their users' records: in any order, more than once, late."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp

from preprocessing.lookup import user_record
from preprocessing.spec import DatasetSpec
from serving.errors import ServingError
from serving.precompute.streaming import RefreshedRecords, _KeepLatest, _Parse
from tests.testing import (
    HOUR,
    START,
    Record,
    Row,
    parse_records,
    small_log,
    small_spec,
    write_small_dataset,
)

CUT = START + 60 * HOUR
NOW = START + 200 * HOUR
COUNTED = small_spec().features.model_dump() | {
    "statistics": {
        "user": {"counts": ["events", "positives"], "windows": ["1d", "all"]},
        "met": {"of": ["user", "item_id"], "counts": ["events"], "windows": ["all"]},
    }
}


def _message(row: Row) -> TimestampedValue:
    return TimestampedValue(json.dumps(row).encode(), row["timestamp"])


def _refreshes(
    spec: DatasetSpec, stream: test_stream.TestStream, folder: Path, delay: float = 0.0
) -> dict[str, list[Record]]:
    """Each user's records in the order they came in."""
    with beam.Pipeline(options=PipelineOptions([], streaming=True)) as pipeline:
        records = pipeline | stream | RefreshedRecords(spec, delay, shards=2)
        _ = records | beam.Map(_keep, str(folder / "out"))
    found: dict[str, list[Record]] = {}
    for record in parse_records(path.read_bytes() for path in sorted((folder / "out").glob("*"))):
        found.setdefault(record["user_id"][0], []).append(record)
    return found


def _keep(element: tuple[str, bytes], folder: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    Path(folder, f"{time.monotonic_ns():020d}-{element[0]}").write_bytes(element[1])


def _since(time: int, records: list[Record]) -> list[Record]:
    """Without those of the log alone, which may or may not come before the first event."""
    return [record for record in records if record["timestamp"][0] > time]


@pytest.mark.slow
def test_log_and_stream_together_give_the_records_of_the_whole_log(tmp_path: Path) -> None:
    """Whatever the order of arrival: shuffled, some after the watermark, some twice.

    With statistics, too.

    Rows of the log that are alike are so many behaviours; streamed events differ, as one like
    another is that one.
    """
    distinct = [json.loads(row) for row in {json.dumps(row, sort_keys=True) for row in small_log()}]
    rows = distinct + [row for row in distinct if row["timestamp"] < CUT][:200]
    (tmp_path / "whole").mkdir()
    whole = write_small_dataset(tmp_path / "whole", rows, features=COUNTED)
    logged, streamed = (
        [row for row in rows if (row["timestamp"] < CUT) is past] for past in (True, False)
    )
    spec = write_small_dataset(tmp_path, logged, features=COUNTED)
    rng = random.Random(1)
    arriving = streamed + rng.sample(streamed, 100) + rng.sample(logged, 50)
    rng.shuffle(arriving)
    stream = test_stream.TestStream().add_elements([_message(row) for row in arriving[:300]])
    stream = stream.advance_watermark_to(START + 80 * HOUR).add_elements(
        [_message(row) for row in arriving[300:]]
    )
    found = _refreshes(spec, stream.advance_watermark_to_infinity(), tmp_path)
    assert set(found) == {row["user_id"] for row in rows}
    for user_id, records in found.items():
        assert [records[-1]] == parse_records([user_record(whole, user_id) or b""])


def test_rates_of_users_are_refused_since_they_move_with_the_events_of_all_users() -> None:
    features = small_spec().features.model_dump()
    for statistics, refused in (
        ({"user": {}}, "user"),
        ({"met": {"of": ["user", "item_id"]}}, "met"),
    ):
        spec = small_spec(features=features | {"statistics": statistics})
        with pytest.raises(ServingError, match=f"features.statistics.{refused} has rates of users"):
            RefreshedRecords(spec)
    RefreshedRecords(small_spec(features=features | {"statistics": {"item_id": {}}}))


@pytest.mark.slow
def test_values_that_a_message_lacks_are_what_the_log_knew_of_the_item(tmp_path: Path) -> None:
    features = small_spec().features.model_dump()
    features["item"]["offer"] = {"kind": "numeric", "table": "events", "column": "price"}
    log = [row for row in small_log(users=3, events=30) if row["item_id"] != "i1"]
    other = log[0] | {"user_id": "u2", "item_id": "i1"}
    log += [
        other | {"price": "7", "timestamp": START},
        other | {"price": "9", "timestamp": NOW + 5},
    ]
    spec = write_small_dataset(tmp_path, log, features=features)
    event = {"user_id": "u1", "item_id": "i1", "timestamp": NOW, "action": "view"}
    stream = test_stream.TestStream().advance_watermark_to(NOW - 1).add_elements([_message(event)])
    found = _refreshes(spec, stream.advance_watermark_to_infinity(), tmp_path)
    assert found["u1"][-1]["history_item_id"][-1] == "i1"
    assert found["u1"][-1]["history_offer"][-1] == 7.0


def test_a_burst_costs_one_refresh_and_only_of_its_user(tmp_path: Path) -> None:
    log = small_log(users=3, events=30)
    spec = write_small_dataset(tmp_path, log)
    burst = [
        {"user_id": "u1", "item_id": f"new{n}", "timestamp": NOW + n, "action": "view"}
        for n in range(4)
    ]
    stream = (
        test_stream.TestStream()
        .advance_watermark_to(NOW - 1)
        .add_elements([_message(row) for row in burst])
    )
    stream = stream.advance_watermark_to(NOW + HOUR).advance_watermark_to_infinity()
    found = _refreshes(spec, stream, tmp_path, delay=60.0)
    (fresh,) = _since(NOW, found["u1"])
    assert fresh["history_item_id"][-4:] == ["new0", "new1", "new2", "new3"]
    assert len(found["u0"]) == len(found["u2"]) == 1


def test_late_events_find_their_place_and_events_without_effect_refresh_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """u1 has a history of the five latest events, all of them new ones in the end."""
    spec = write_small_dataset(tmp_path, small_log(users=3, events=60))
    new: list[Row] = [
        {"user_id": "u1", "item_id": f"n{n}", "timestamp": NOW + 10 * n, "action": "view"}
        for n in range(5)
    ]
    late = new[0] | {"item_id": "late", "timestamp": NOW + 25}
    too_old = new[0] | {"item_id": "too old", "timestamp": START - HOUR}
    steps = [new, [late], [late], [too_old], new[1:3], [{"user_id": "u1"}]]
    stream = test_stream.TestStream()
    for number, step in enumerate(steps):
        elements = [TimestampedValue(json.dumps(row).encode(), NOW + 100 * number) for row in step]
        stream = stream.add_elements(elements).advance_watermark_to(NOW + 100 * number + 50)
    found = _refreshes(spec, stream.advance_watermark_to_infinity(), tmp_path, delay=10.0)
    items = [record["history_item_id"] for record in _since(NOW, found["u1"])]
    assert items == [["n0", "n1", "n2", "n3", "n4"], ["n1", "n2", "late", "n3", "n4"]]
    assert "Event rejected, missing_item" in caplog.text


def test_a_clock_ahead_of_its_time_does_not_hold_up_its_user(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, small_log(users=3, events=30))
    event = {"user_id": "u1", "item_id": "new", "timestamp": NOW, "action": "view"}
    stream = test_stream.TestStream().advance_watermark_to(NOW - 10)
    stream = stream.add_elements([TimestampedValue(json.dumps(event).encode(), NOW + 50 * HOUR)])
    stream = stream.add_elements([_message(event | {"item_id": "newer", "timestamp": NOW + 1})])
    stream = stream.advance_watermark_to(NOW + 10)
    stream = stream.add_elements([_message(event | {"item_id": "newest", "timestamp": NOW + 20})])
    found = _refreshes(spec, stream.advance_watermark_to_infinity(), tmp_path)
    assert [record["history_item_id"][-1] for record in _since(NOW, found["u1"])] == [
        "newer",
        "newest",
    ]


class _Cell:
    """A state of one value, or a timer."""

    def __init__(self) -> None:
        self.value: Any = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value

    set = write


def test_a_users_log_refreshes_it_at_once_and_an_event_by_a_timer() -> None:
    """Without waiting for a timer: the log's groups have the end of time, which none reaches."""
    spec = small_spec()
    event = {"user_id": "u1", "item_id": "i1", "timestamp": NOW, "action": "view"}
    ((_, (is_log, parts)),) = _Parse(spec).process(json.dumps(event).encode())
    assert not is_log
    events, row, due, timer = (_Cell() for _ in range(4))
    keep = _KeepLatest(spec, delay=5.0)
    assert list(keep.process(("u1", (False, parts)), Timestamp(NOW), events, row, due, timer)) == []
    assert timer.value == Timestamp(NOW + 5)

    events, row, due, timer = (_Cell() for _ in range(4))
    of_log = [*parts, ("users", b"its row")]
    assert list(keep.process(("u1", (True, of_log)), MAX_TIMESTAMP, events, row, due, timer)) == [
        ("u1", [("events", events.value), ("users", b"its row")])
    ]
    assert timer.value is None
