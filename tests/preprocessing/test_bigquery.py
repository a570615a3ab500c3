"""BigQuery without the service: what Beam's source is asked for, and its rows against the same log
in a file."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pydantic
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from preprocessing.errors import DataError
from preprocessing.quarantine import check_quarantine, read_report
from preprocessing.shard_count import shard_count
from preprocessing.sources import bigquery
from preprocessing.sources.bigquery import read_options, read_rows
from preprocessing.sources.check import check_sources
from preprocessing.sources.columns import columns_of
from preprocessing.sources.read import ReadTable
from preprocessing.spec import DatasetSpec
from preprocessing.spec_bigquery import BigQuery
from preprocessing.validation import validate
from tests.preprocessing.parts import good_rows, rejected_rows
from tests.testing import Row, build_records, small_log, small_spec, write_small_dataset

LOG = small_log()
TABLE = {"format": "bigquery", "bigquery": {"table": "shop.logs.events"}, "timestamp": "at"}


def spec_of(**events: Any) -> DatasetSpec:
    return small_spec(events=TABLE | events)


def as_bigquery(row: Row) -> Row:
    """A row of the log as Beam gives BigQuery's: TIMESTAMP, NUMERIC, NULL."""
    at = datetime.datetime.fromtimestamp(row["timestamp"], datetime.timezone.utc)
    price = (
        decimal.Decimal(row["price"]).quantize(decimal.Decimal("1e-9")) if row["price"] else None
    )
    texts = {name: row[name] or None for name in ("user_id", "item_id", "action", "device")}
    return texts | {"at": at, "price": price}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Beam's source replaced by one that gives `rows`; the rest is what it was asked for."""
    given: dict[str, Any] = {"rows": [as_bigquery(row) for row in LOG]}

    class FakeRead(beam.PTransform):
        Method = beam.io.ReadFromBigQuery.Method

        def __init__(self, **options: Any) -> None:
            super().__init__()
            given.update(options)

        def expand(self, root: beam.Pipeline) -> beam.PCollection:
            return root | beam.Create(given["rows"])

    monkeypatch.setattr(beam.io, "ReadFromBigQuery", FakeRead)
    return given


@pytest.mark.slow
def test_records_equal_those_of_the_same_log_in_a_file(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    expected = build_records(write_small_dataset(tmp_path, LOG), tmp_path)
    spec = spec_of().with_data_dir(str(tmp_path))
    check_sources(spec)
    assert build_records(spec, tmp_path) == expected
    assert (
        asked["table"] == "shop:logs.events"
        and asked["method"] == "EXPORT"
        and "query" not in asked
    )
    assert read_report(str(tmp_path))["rows"]["events"] == {"read": len(LOG), "rejected": {}}


@pytest.mark.slow
def test_bad_rows_are_quarantined_with_what_they_hold(
    asked: dict[str, Any], tmp_path: Path
) -> None:
    write_small_dataset(tmp_path, LOG)
    asked["rows"] += [as_bigquery(LOG[0]) | {"item_id": None, "device": "toaster"}] * 40
    spec = spec_of().with_data_dir(str(tmp_path))
    build_records(spec, tmp_path)
    with pytest.raises(DataError) as raised:
        check_quarantine(spec, str(tmp_path))
    assert "40 of the 1,570 rows of table events (bigquery:shop.logs.events) can't be used" in str(
        raised.value
    )
    assert "(bigquery:shop.logs.events, row 0: column 'item_id' is empty" in str(raised.value)
    assert '"device": "toaster"' in str(raised.value)


def test_types_nulls_structures_and_lists() -> None:
    shown = [{"item": 7, "clicked": True}, {"item": 8, "clicked": False}]
    day = datetime.date(2026, 1, 2)
    rows: list[Row] = [
        {
            "who": {"id": decimal.Decimal("12.000000000")},
            "day": day,
            "shown": shown,
            "action": b"view",
            "price": 1.5,
        },
        {
            "who": {"id": decimal.Decimal("12.500000000")},
            "day": day,
            "shown": shown[:1],
            "action": None,
            "price": None,
        },
        {"who": None, "day": day, "shown": shown, "action": b"view", "price": 1.5},
        {
            "who": {"id": decimal.Decimal(3)},
            "day": day,
            "shown": [],
            "action": b"view",
            "price": 1.5,
        },
        {
            "who": {"id": decimal.Decimal(3)},
            "day": None,
            "shown": shown,
            "action": b"view",
            "price": 1.5,
        },
    ]
    spec = small_spec(
        events={
            "format": "bigquery",
            "bigquery": {"query": "SELECT *\n  FROM log"},
            "user": "who.id",
            "item": "shown.item",
            "timestamp": "day",
            "explode": {"columns": ["shown"]},
        },
        tasks={"click": {"column": "shown.clicked", "equals": 1}},
        history={"length": 3},
        features={"behavior": {"action": {"kind": "categorical"}, "price": {"kind": "numeric"}}},
        items=None,
        users=None,
    )
    parts = list(read_rows(spec, "events", rows))
    names = ("user", "item", "time", "number:shown.clicked", "text:action")
    keys = [tuple(row[name] for name in names) for row in good_rows(parts)]
    midnight = int(datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc).timestamp())
    assert keys == [
        ("12", "7", midnight, 1, "view"),
        ("12", "8", midnight, 0, "view"),
        ("12.5", "7", midnight, 1, ""),
    ]
    bad = [(row.reason, row.file, row.row) for row in rejected_rows(parts)]
    place = "bigquery:SELECT * FROM log"
    reasons = [
        "empty_list",
        "missing_user",
        "missing_user",
        "missing_timestamp",
        "missing_timestamp",
    ]
    assert bad == [(reason, place, 0) for reason in reasons]


def test_a_column_that_is_missing_is_named() -> None:
    row = as_bigquery(LOG[0])
    row["item"] = row.pop("item_id")
    with pytest.raises(
        DataError, match="no column 'item_id', which events.item needs.*Did you mean 'item'"
    ):
        list(read_rows(spec_of(), "events", [row]))


def test_what_beam_is_asked_for() -> None:
    spec = spec_of()
    columns = columns_of(spec, "events")
    assert read_options(BigQuery(table="logs.events"), columns) == {
        "table": "logs.events",
        "method": "EXPORT",
    }
    direct = read_options(BigQuery(table="shop:logs.events", method="direct"), columns)
    wanted = ["action", "at", "device", "item_id", "price", "user_id"]
    assert direct == {
        "table": "shop:logs.events",
        "method": "DIRECT_READ",
        "selected_fields": wanted,
    }
    asked = read_options(BigQuery(query="SELECT 1", method="direct"), columns)
    assert (
        asked["query"] == "SELECT 1" and asked["use_standard_sql"] and not asked["flatten_results"]
    )


@pytest.mark.parametrize("source", [{"table": "shop.logs.events"}, {"query": "SELECT 1"}])
@pytest.mark.parametrize("method", ["export", "direct"])
def test_beams_own_source_takes_the_options(source: dict[str, str], method: str) -> None:
    options = PipelineOptions(["--project=shop", "--temp_location=gs://shop/tmp"])
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | ReadTable(spec_of(bigquery=source | {"method": method}), "events")
    names = [transform.full_label for transform in pipeline.transforms_stack[0].parts[0].parts]
    assert any("BigQuery" in name for name in names)


def test_without_googles_packages_a_run_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bigquery.importlib.util, "find_spec", lambda name: None)
    write_small_dataset(tmp_path, LOG)
    spec = spec_of().with_data_dir(str(tmp_path))
    with pytest.raises(
        DataError, match=r"needs Google's packages. Run: pip install 'srp4ctr\[bigquery\]'"
    ):
        check_sources(spec)
    assert any("needs Google's packages" in problem for problem in validate(spec).problems)


def test_size_is_what_the_spec_says_and_the_rows_are_left_to_the_run(tmp_path: Path) -> None:
    write_small_dataset(tmp_path, LOG)
    spec = spec_of(bigquery={"table": "logs.events", "shards": 300}).with_data_dir(str(tmp_path))
    assert shard_count(spec) == 300 and shard_count(spec_of()) == 64
    found = validate(spec)
    assert found.unread == ["events"] and [table.name for table in found.tables] == [
        "items",
        "users",
    ]
    assert found.problems == []


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ({"format": "bigquery"}, r"events\.bigquery\s+Field required"),
        ({"format": "csv"}, r"events\.path\s+Field required"),
        (
            {"format": "csv", "path": "x", "bigquery": {"table": "a.b"}},
            "`bigquery` is an option of format bigquery",
        ),
        (TABLE | {"path": "x"}, "`path` is an option of format recbole, .* not of bigquery"),
        (TABLE | {"bigquery": {}}, "either table or query"),
        (TABLE | {"bigquery": {"table": "a.b", "query": "c"}}, "either table or query"),
        (TABLE | {"bigquery": {"table": "events"}}, "table must be project.dataset.table"),
    ],
)
def test_a_spec_says_one_place(events: dict[str, Any], message: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        small_spec(events=events)


def test_what_only_files_have_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="a split in spans is for files"):
        small_spec(events=TABLE, split={"train": 3})
    with pytest.raises(pydantic.ValidationError, match="titles are only looked up in files"):
        small_spec(
            items={
                "format": "bigquery",
                "bigquery": {"table": "a.b"},
                "key": "item_id",
                "title": "name",
            }
        )
