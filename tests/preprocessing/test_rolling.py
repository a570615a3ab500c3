"""Rolling windows: which files a run reads, and two days in a row against the naive reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from preprocessing.errors import DataError
from preprocessing.quarantine import read_report
from preprocessing.rolling import at_span, date_of, newest_span, parse_span, path_of_span
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from tests.preprocessing.reference import reference_records
from tests.testing import (
    EVENT_COLUMNS,
    HOUR,
    build_records,
    item_rows,
    small_log,
    small_spec,
    sort_records,
    user_rows,
    write_csv,
    write_small_dataset,
)

DAY = 24 * HOUR
SPLIT = {"train": 3, "validation": 1, "test": 1, "history": 2}
LOG = small_log(hours=240)
DAYS = sorted({row["timestamp"] // DAY for row in LOG})


def write_days(folder: Path, pattern: str, **changes: Any) -> DatasetSpec:
    """Writes a file a day; returns the spec, its split in spans."""
    write_small_dataset(folder)
    for day in DAYS:
        path = Path(path_of_span(str(folder / pattern), day))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_csv(path, [row for row in LOG if row["timestamp"] // DAY == day], EVENT_COLUMNS)
    events = {"format": "csv", "path": pattern}
    return small_spec(**({"events": events, "split": SPLIT} | changes)).with_data_dir(str(folder))


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["log/{YYYY}-{MM}-{DD}/events.csv", "log/span-{SPAN}/part.csv"])
def test_two_days_in_a_row(tmp_path: Path, pattern: str) -> None:
    spec = write_days(tmp_path, pattern)
    assert newest_span(spec.events.paths[0]) == DAYS[-1]
    tests = []
    for newest in DAYS[-2:]:
        found = build_records(at_span(spec, newest), tmp_path, shards=3)
        read = [row for row in LOG if newest - 7 < row["timestamp"] // DAY <= newest]
        cut = CutOffs((newest - 1) * DAY, newest * DAY)
        expected = reference_records(at_span(spec, newest), read, item_rows(), user_rows(), cut)
        begins = (newest - 4) * DAY
        trained = [record for record in expected["train"] if record["timestamp"][0] >= begins]
        assert found["train"] == sort_records(trained)
        assert found["validation"] == sort_records(expected["validation"])
        assert found["test"] == sort_records(expected["test"])
        assert sort_records(found["pretrain"] + found["pretrain_validation"]) == sort_records(
            expected["windows"]
        )
        firsts = [r["history_timestamp"][0] for r in trained if r["history_timestamp"]]
        assert min(firsts) < begins  # a history reaches back further than the days of training
        assert read_report(str(tmp_path))["requests_outside_the_splits"]["history_only"] > 0
        tests.append(found)
    # A day is tested on, then validated on, then trained on.
    tested = {record["request_id"][0] for record in tests[0]["test"]}
    assert tested == {record["request_id"][0] for record in tests[1]["validation"]}


@pytest.mark.slow
def test_label_days_give_labels_and_no_requests(tmp_path: Path) -> None:
    tasks = {"buy": {"column": "action", "equals": "buy", "within": "11h"}}
    spec = write_days(tmp_path, "{YYYY}{MM}{DD}.csv", tasks=tasks, split=SPLIT | {"labels": 1})
    found = build_records(at_span(spec, DAYS[-1]), tmp_path, shards=2)
    assert {record["timestamp"][0] // DAY for record in found["test"]} == {DAYS[-2]}
    report = read_report(str(tmp_path))
    assert (
        report["splits"]["test"]["too_recent"] == 0
        and report["splits"]["validation"]["too_recent"] > 0
    )
    assert report["requests_outside_the_splits"]["labels_only"] > 0


def test_history_may_reach_back_before_the_log_but_nothing_else(tmp_path: Path) -> None:
    spec = write_days(tmp_path, "{YYYY}-{MM}-{DD}.csv")
    assert len(at_span(spec, DAYS[4]).events.paths) == 5
    with pytest.raises(DataError, match=f"no file for {date_of(DAYS[0] - 1)}"):
        at_span(spec, DAYS[3])
    with pytest.raises(DataError, match="no file for .*A run of span"):
        at_span(spec, DAYS[-1] + 1)


@pytest.mark.parametrize(
    ("pattern", "stray", "day"),
    [
        ("{YYYY}-{MM}-{DD}.csv", "2026-13-99.csv", "2026-13-99"),
        ("{YYYY}{MM}{DD}/log.csv", "00000101/log.csv", "0000-01-01"),
        ("{SPAN}.csv", "20261124000000.csv", "20261124000000"),
    ],
)
def test_a_file_of_no_day_is_named(tmp_path: Path, pattern: str, stray: str, day: str) -> None:
    for path in (path_of_span(pattern, DAYS[0]), stray):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    with pytest.raises(DataError, match=f"{stray}: .* there is no day {day} "):
        newest_span(f"{tmp_path}/{pattern}")


def test_pattern_and_split_belong_together() -> None:
    with pytest.raises(pydantic.ValidationError, match="needs a path for each day"):
        small_spec(split=SPLIT)
    with pytest.raises(pydantic.ValidationError, match="needs a split in spans"):
        small_spec(events={"format": "csv", "path": "{SPAN}.csv"})
    with pytest.raises(DataError, match="is for specs whose split is in spans"):
        at_span(small_spec(), 3)


def test_windows_must_fit_into_splits() -> None:
    week = {"buy": {"column": "action", "equals": "buy", "within": "7d"}}
    with pytest.raises(
        pydantic.ValidationError, match="split.validation lasts 1d.*attribution window of 7d"
    ):
        small_spec(tasks=week, split=SPLIT, events={"format": "csv", "path": "{SPAN}.csv"})


def test_spans_are_days_since_1970() -> None:
    assert parse_span("1970-01-03") == parse_span("2") == 2
    assert path_of_span("a/{YYYY}/{MM}/{DD}-{SPAN}", 366) == "a/1971/01/02-366"
    with pytest.raises(ValueError):
        parse_span("yesterday")
    with pytest.raises(ValueError, match="the last span is 2932896, 9999-12-31"):
        parse_span("20261124000000")
