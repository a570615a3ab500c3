"""The lines that a service sends of users: their records as of now, without what the request
knows."""

from __future__ import annotations

import json
from pathlib import Path

import apache_beam as beam
import pytest

from preprocessing.errors import DataError
from preprocessing.features import user_inputs
from preprocessing.lookup import log_end, user_record
from preprocessing.record_values import for_client, plain_features
from preprocessing.request_lines import RequestLines
from tests.testing import (
    EVENT_COLUMNS,
    HOUR,
    START,
    small_log,
    small_spec,
    write_csv,
    write_small_dataset,
)

STATISTICS = {
    "user": {"windows": ["7d"]},
    "own": {"of": ["user", "item_id"], "windows": ["all"], "counts": ["events", "rate"]},
}
MIDDLE = START + 50 * HOUR


def test_a_line_is_the_users_record_for_a_client(tmp_path: Path) -> None:
    features = small_spec().features.model_dump(mode="json", exclude_none=True)
    spec = write_small_dataset(tmp_path, features=features | {"statistics": STATISTICS})
    with beam.Pipeline("FnApiRunner") as pipeline:
        lines = pipeline | RequestLines(spec, MIDDLE)
        path = str(tmp_path / "users")
        _ = lines | beam.io.WriteToText(path, num_shards=1, shard_name_template="")
    users = [json.loads(line) for line in (tmp_path / "users").read_text().splitlines()]
    assert len({user["user_id"] for user in users}) == len(users) > 30
    for user in users:
        record = user_record(spec, user["user_id"], MIDDLE)
        assert record is not None
        known = plain_features(record, user_inputs(spec))
        # The device is of each request, and the last event's says nothing of the next one.
        assert known.pop("context_device") is not None
        assert user == {name: for_client(values) for name, values in known.items()}
        assert user["timestamp"] == MIDDLE > max(user["history_timestamp"], default=0)
    assert any(user["user_statistics"] for user in users)
    assert any(user["user_age"] is None for user in users)


def test_a_log_ends_after_its_last_event(tmp_path: Path) -> None:
    rows = small_log(events=60)
    spec = write_small_dataset(tmp_path, rows)
    assert log_end(spec) == max(row["timestamp"] for row in rows) + 1
    write_csv(tmp_path / "events.csv", [], EVENT_COLUMNS)
    with pytest.raises(DataError, match=r"events\.csv: the log has no usable event"):
        log_end(spec)
