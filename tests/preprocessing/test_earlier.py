"""Lists of earlier behaviours without times, as MIND has them, become the beginning of
histories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from preprocessing.earlier import first_lists, with_earlier
from preprocessing.lookup import user_record
from preprocessing.sources.columns import EARLIER, ITEM, PLACE, TIME, USER
from preprocessing.spec import DatasetSpec
from tests.testing import HOUR, START, Row, build_records, parse_records, write_csv

FEATURES = {
    "item": {"topic": {"kind": "categorical"}},
    "behavior": {"action": {"kind": "categorical"}, "gap": {"kind": "time_gap"}},
}


def _spec(folder: Path, **events: Any) -> DatasetSpec:
    write_csv(folder / "items.csv", [{"id": f"n{n}", "topic": f"t{n % 2}"} for n in range(9)])
    content = {
        "name": "news",
        "events": {"format": "csv", "path": "log.csv"} | events,
        "items": {"format": "csv", "path": "items.csv", "key": "id"},
        "features": FEATURES,
        "history": {
            "length": 4,
            "where": [{"column": "action", "equals": "click"}],
            "earlier": {"column": "before"},
        },
        "tasks": {"click": {"column": "action", "equals": "click"}},
        "split": {"validation_from": "2020-09-16T10:00:00", "test_from": "2020-09-17T10:00:00"},
    }
    return DatasetSpec.model_validate(content).with_data_dir(str(folder))


def _row(user: str, item: str, hour: int, action: str, before: str) -> Row:
    return {
        "user_id": user,
        "item_id": item,
        "timestamp": START + hour * HOUR,
        "action": action,
        "before": before,
    }


ROWS = [
    _row("u1", "n5", 1, "click", "n1 n2 n1"),
    _row("u1", "n6", 2, "skip", "n1 n2 n1 n5"),
    _row("u1", "n7", 3, "click", ""),
    _row("u1", "n8", 80, "click", "n4"),
    _row("u1", "n8", 100, "skip", "n4"),
    _row("u2", "n3", 1, "click", ""),
    _row("u2", "n2", 2, "click", "n8 n7"),
]


@pytest.mark.slow
def test_the_first_list_comes_before_the_logs_own_events(tmp_path: Path) -> None:
    spec = _spec(tmp_path)
    write_csv(tmp_path / "log.csv", ROWS)
    found = build_records(spec, tmp_path, shards=2)
    train = {(r["user_id"][0], (r["timestamp"][0] - START) // HOUR): r for r in found["train"]}
    assert train["u1", 1]["history_item_id"] == ["n1", "n2", "n1"]
    assert train["u1", 1]["history_timestamp"] == [0, 0, 0]
    assert train["u1", 1]["history_action"] == ["", "", ""]
    assert train["u1", 1]["history_topic"] == ["t1", "t0", "t1"]
    assert train["u1", 2]["history_item_id"] == ["n1", "n2", "n1", "n5"]
    assert train["u1", 2]["history_timestamp"] == [0, 0, 0, START + HOUR]
    assert train["u1", 3]["history_item_id"] == [
        "n1",
        "n2",
        "n1",
        "n5",
    ]  # a later list changes nothing
    assert found["validation"][0]["history_item_id"] == ["n2", "n1", "n5", "n7"]
    assert train["u2", 1]["history_item_id"] == []  # its list isn't known yet
    assert train["u2", 2]["history_item_id"] == ["n3", "n8", "n7"]
    requests = found["train"] + found["validation"] + found["test"]
    assert sum(len(record["candidate_item_id"]) for record in requests) == len(ROWS)
    windows = found["pretrain"] + found["pretrain_validation"]
    assert sorted(r["history_item_id"] for r in windows) == [
        ["n2", "n1", "n5", "n7"],
        ["n3", "n8", "n7", "n2"],
    ]
    (latest,) = parse_records([user_record(spec, "u2") or b""])
    assert latest["history_item_id"] == ["n3", "n8", "n7", "n2"]


def test_lists_of_json_lines_are_read_too(tmp_path: Path) -> None:
    spec = _spec(tmp_path, format="jsonl", path="log.jsonl")
    rows = [row | {"before": row["before"].split()} for row in ROWS]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (latest,) = parse_records([user_record(spec, "u2") or b""])
    assert latest["history_item_id"] == ["n3", "n8", "n7", "n2"]


def test_of_several_parts_the_first_list_stays(tmp_path: Path) -> None:
    spec = _spec(tmp_path)
    table = pa.table(
        {
            USER: [row["user_id"] for row in ROWS],
            ITEM: [row["item_id"] for row in ROWS],
            TIME: [row["timestamp"] for row in ROWS],
            EARLIER: [row["before"] for row in ROWS],
            "text:action": [row["action"] for row in ROWS],
        }
    )
    parts = [with_earlier(table.slice(start, 1), spec) for start in reversed(range(len(ROWS)))]
    merged = first_lists(pa.concat_tables(parts))
    whole = first_lists(with_earlier(table, spec))
    order = [(name, "ascending") for name in (USER, TIME, PLACE, ITEM)]
    assert merged.sort_by(order).to_pylist() == whole.sort_by(order).to_pylist()
