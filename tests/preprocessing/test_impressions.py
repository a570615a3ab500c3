"""A log of pages as sites write it: shown items as a list, the chosen one beside it, actions in
rows of their own."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing.errors import DataError
from preprocessing.quarantine import check_quarantine, read_report
from preprocessing.sources.message import parse_event
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.validation import validate
from tests.preprocessing.parts import good_rows, without_nan
from tests.testing import HOUR, START, Row, build_records, write_csv

CHOSEN = {"column": "impressions", "equals_column": "reference"}


def spec_of(path: Path, format: str = "csv") -> DatasetSpec:
    explode = {
        "columns": ["impressions", "prices"],
        "position": "position",
        "without_list": "reference",
    }
    if format == "csv":
        explode["separator"] = "|"
    content = {
        "name": "hotels",
        "events": {
            "format": format,
            "path": str(path),
            "user": "user",
            "item": "impressions",
            "explode": explode,
        },
        "features": {
            "item": {
                "price": {"kind": "numeric", "column": "prices", "table": "events"},
                "position": {"kind": "categorical", "table": "events"},
            },
            "behavior": {"action": {"kind": "categorical"}},
            "context": {"device": {"kind": "categorical"}},
        },
        "history": {"where": [CHOSEN]},
        "candidates": {"where": [{"column": "position", "at_least": 1}]},
        "tasks": {"click": CHOSEN},
    }
    return DatasetSpec.model_validate(content)


def page(user: str, time: int, shown: list[str], chosen: str) -> Row:
    prices = [str(10 + len(item)) for item in shown]
    row = {
        "user": user,
        "timestamp": time,
        "action": "clickout",
        "reference": chosen,
        "device": "web",
    }
    return row | {"impressions": "|".join(shown), "prices": "|".join(prices)}


def action(user: str, time: int, item: str) -> Row:
    row = {"user": user, "timestamp": time, "action": "image", "reference": item, "device": "web"}
    return row | {"impressions": "", "prices": ""}


ROWS = [action("u", 5, "12"), page("u", 9, ["7", "12", "300"], "12"), page("v", 9, ["7"], "8")]
ROWS.append(ROWS[1] | {"prices": "1|2"})
EVENTS = [
    ("u", "7", 9, 1.0, 11.0, "clickout"),
    ("u", "12", 9, 2.0, 12.0, "clickout"),
    ("u", "300", 9, 3.0, 13.0, "clickout"),
    ("v", "7", 9, 1.0, 11.0, "clickout"),
    ("u", "12", 5, None, None, "image"),
]


def typed(row: Row) -> Row:
    """As JSON or Parquet would have it: lists, and ids that are numbers."""
    lists: Row = {}
    for name in ("impressions", "prices"):
        entries = [int(value) for value in row[name].split("|") if value]
        lists[name] = entries or None
    return row | lists | {"reference": int(row["reference"])}


def written(folder: Path, format: str) -> Path:
    path = folder / f"log.{format}"
    if format == "csv":
        write_csv(path, ROWS)
    elif format == "jsonl":
        path.write_text("\n".join(json.dumps(typed(row)) for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist([typed(row) for row in ROWS]), path)
    return path


def events_of(parts: list[Any]) -> list[tuple[Any, ...]]:
    """User, item, time, place, price and action of each event; None for what it doesn't have."""
    events: list[tuple[Any, ...]] = []
    for row in map(without_nan, good_rows(parts)):
        position = float(row["text:position"]) if row["text:position"] else None
        key = (row["user"], row["item"], row["time"])
        events.append((*key, position, row["number:prices"], row["text:action"]))
    return events


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_a_page_is_an_event_an_item_and_an_action_one_event(tmp_path: Path, format: str) -> None:
    spec = spec_of(written(tmp_path, format), format)
    parts = list(read_table(spec, "events", spec.events.paths[0]))
    assert sorted(events_of(parts), key=str) == sorted(EVENTS, key=str)
    (rejected,) = [part for part in parts if isinstance(part, list)]
    assert [(row.row, row.reason, row.is_entry) for row in rejected] == [
        (rejected[0].row, "list_lengths", False)
    ]


def test_a_message_is_read_as_the_log_is(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "log.jsonl", "jsonl")
    parts = [parse_event(spec, json.dumps(typed(row)).encode())[0] for row in ROWS[:3]]
    assert sorted(events_of(parts), key=str) == sorted(EVENTS, key=str)


@pytest.mark.slow
def test_records_have_pages_as_requests_and_actions_in_histories(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = []
    for n in range(400):
        user = f"u{rng.randrange(8)}"
        time = START + n * HOUR
        shown = [str(item) for item in rng.sample(range(40), 5)]
        rows.append(page(user, time, shown, rng.choice(shown)))
        rows.append(action(user, time + 60, rng.choice(shown)))
    spec = spec_of(write_csv(tmp_path / "log.csv", rows))
    found = validate(spec)
    assert found.problems == [] and (found.tables[0].rows, found.tables[0].entries) == (
        800,
        400 * 5 + 400,
    )
    assert found.report["rows"]["events"] == {"read": 800, "entries": 2400, "rejected": {}}
    changes = found.report["item_changes"]
    assert changes["candidate_position"] > 0.7 and changes["candidate_price"] == 0.0
    changes_often = "feature candidate_position differs from one event of an item"
    assert any(changes_often in text for text in found.warnings)
    assert not any("candidate_price" in text for text in found.warnings)
    records = build_records(spec, tmp_path, shards=2)
    for record in records["train"] + records["validation"] + records["test"]:
        assert sorted(record["candidate_position"]) == ["1", "2", "3", "4", "5"]
        assert sum(record["label_click"]) == 1 and len(record["candidate_price"]) == 5
        assert set(record["history_action"]) <= {"clickout", "image"}
        by_time = dict(zip(record["history_timestamp"], record["history_item_id"], strict=True))
        assert len(by_time) == len(
            record["history_item_id"]
        )  # one behaviour a page: the item that was chosen
    last = max(records["test"], key=lambda record: len(record["history_item_id"]))
    assert {"clickout", "image"} == set(last["history_action"])


@pytest.mark.slow
def test_rejected_rows_and_entries_are_told_apart(tmp_path: Path) -> None:
    rows = [page(f"u{n % 5}", START + n * HOUR, ["1", "2", "3", "4"], "1") for n in range(100)]
    broken = [row | ({"prices": "1|x|3|4"} if n % 10 == 0 else {}) for n, row in enumerate(rows)]
    spec = spec_of(write_csv(tmp_path / "log.csv", broken))
    problems = validate(spec).problems
    assert problems == [
        "table events: 10 of 400 entries of lists in the rows would be rejected, 2.50%; "
        "max_bad_rows allows 1.00%."
    ]
    uneven = [row | ({"prices": "1"} if n % 10 == 0 else {}) for n, row in enumerate(rows)]
    spec = spec_of(write_csv(tmp_path / "log.csv", uneven))
    assert (
        "table events: 10 of 100 rows would be rejected, 10.00%; max_bad_rows allows 1.00%."
        in validate(spec).problems
    )
    build_records(spec, tmp_path, shards=1)
    assert read_report(str(tmp_path))["rows"]["events"]["entries"] == 360
    with pytest.raises(DataError, match="^10 of the 100 rows of table events"):
        check_quarantine(spec, str(tmp_path))
