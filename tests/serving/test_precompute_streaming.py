"""Events as they arrive refresh the records of the users they are about: in any order, more than once, late."""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue

from preprocessing.lookup import user_record
from preprocessing.spec import DatasetSpec
from serving.precompute.streaming import RefreshedRecords
from tests.testing import HOUR, START, Record, Row, parse_records, small_log, write_small_dataset

CUT = START + 60 * HOUR


def _message(row: Row) -> TimestampedValue:
    return TimestampedValue(json.dumps(row).encode(), row["timestamp"])


def _refreshes(spec: DatasetSpec, stream: TestStream, folder: Path, **options: float) -> list[Record]:
    """The records in the order of their time."""
    with beam.Pipeline(options=PipelineOptions([], streaming=True)) as pipeline:
        records = pipeline | stream | RefreshedRecords(spec, shards=2, **options)
        _ = records | beam.Map(_keep, str(folder / "out"))
    written = [path.read_bytes() for path in (folder / "out").glob("*")]
    return sorted(parse_records(written), key=lambda record: record["timestamp"])


def _keep(element: tuple[str, bytes], folder: str) -> None:
    user_id, record = element
    Path(folder).mkdir(exist_ok=True)
    Path(folder, f"{user_id}-{uuid.uuid4()}").write_bytes(record)


def test_log_and_stream_together_give_the_records_of_the_whole_log(tmp_path: Path) -> None:
    rows = [json.loads(row) for row in {json.dumps(row, sort_keys=True) for row in small_log()}]
    (tmp_path / "whole").mkdir()
    whole = write_small_dataset(tmp_path / "whole", rows)
    logged, streamed = ([row for row in rows if (row["timestamp"] < CUT) is past] for past in (True, False))
    spec = write_small_dataset(tmp_path, logged)
    rng = random.Random(1)
    arriving = streamed + rng.sample(streamed, 100) + rng.sample(logged, 50)
    rng.shuffle(arriving)
    stream = TestStream().add_elements([_message(row) for row in arriving[:300]])
    stream = stream.advance_watermark_to(START + 80 * HOUR).add_elements([_message(row) for row in arriving[300:]])
    found = _refreshes(spec, stream.advance_watermark_to_infinity(), tmp_path, allowed_lateness=1000 * HOUR)
    last = {record["user_id"][0]: record for record in found}
    assert set(last) == {row["user_id"] for row in rows}
    for user_id, record in last.items():
        assert [record] == parse_records([user_record(whole, user_id) or b""])


def test_a_burst_costs_one_refresh_and_only_of_its_user(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, small_log(users=3, events=30))
    before = {row["user_id"] for row in small_log(users=3, events=30)}
    now = START + 200 * HOUR
    burst = [{"user_id": "u1", "item_id": f"new{n}", "timestamp": now + n, "action": "view"} for n in range(4)]
    stream = TestStream().advance_watermark_to(now - 1).add_elements([_message(row) for row in burst])
    stream = stream.advance_watermark_to(now + HOUR).advance_watermark_to_infinity()
    found = _refreshes(spec, stream, tmp_path, delay=60.0)
    fresh = [record for record in found if record["timestamp"][0] > now]
    assert [record["user_id"] for record in fresh] == [["u1"]]
    assert fresh[0]["history_item_id"][-4:] == ["new0", "new1", "new2", "new3"]
    others = [record["user_id"][0] for record in found if record["user_id"] != ["u1"]]
    assert sorted(others) == sorted(before - {"u1"})


def test_late_repeated_and_bad_events_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec, now = write_small_dataset(tmp_path, small_log(users=3, events=30)), START + 200 * HOUR
    new = {"user_id": "u1", "item_id": "new", "timestamp": now, "action": "view"}
    late = new | {"item_id": "late", "timestamp": now - 2 * HOUR}
    in_time = new | {"item_id": "in time", "timestamp": now - HOUR}
    stream = TestStream().add_elements([_message(new)])
    for event in (late, new, in_time):
        stream = stream.advance_watermark_to(now + 1).add_elements([_message(event)])
    stream = stream.add_elements([b"{"]).advance_watermark_to_infinity()
    found = _refreshes(spec, stream, tmp_path, allowed_lateness=HOUR)
    assert not any("late" in record["history_item_id"] for record in found)
    fresh = [record["history_item_id"][-2:] for record in found if record["timestamp"][0] > now]
    assert len(fresh) == 2 and sorted(fresh)[0] == ["in time", "new"]
    assert "Event rejected, not_json" in caplog.text
