"""The whole Beam job in this process: a generated log, bad rows, other orders, workers and shards;
MovieLens."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from preprocessing.errors import DataError
from preprocessing.features import SPLITS, record_features
from preprocessing.quarantine import REJECTED_FILE, check_quarantine, read_report
from preprocessing.spec import DatasetSpec
from preprocessing.splits import CutOffs
from tests.preprocessing.reference import reference_records
from tests.testing import (
    HOUR,
    START,
    Record,
    Row,
    build_records,
    item_rows,
    read_split,
    read_written,
    run_job,
    small_log,
    small_spec,
    sort_records,
    user_rows,
    write_csv,
    write_records,
    write_small_dataset,
)

pytestmark = pytest.mark.slow

CUT = CutOffs(START + 70 * HOUR, START + 85 * HOUR)
LOG = small_log()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, list[Record]]:
    (folder / REJECTED_FILE).write_text("of an earlier run")
    return build_records(write_small_dataset(folder, LOG), folder)


def test_without_rejected_rows_there_is_no_file_of_them(
    records: dict[str, list[Record]], folder: Path
) -> None:
    """Nor an empty one, which an object store may refuse."""
    assert not (folder / REJECTED_FILE).exists()
    assert min(path.stat().st_size for path in folder.iterdir()) > 0


def test_equals_the_reference(records: dict[str, list[Record]], folder: Path) -> None:
    spec = write_small_dataset(folder, LOG)
    expected = reference_records(spec, LOG, item_rows(), user_rows(), CUT)
    for split in ("train", "validation", "test"):
        assert records[split] == sort_records(expected[split]), split
    assert sort_records(records["pretrain"] + records["pretrain_validation"]) == sort_records(
        expected["windows"]
    )


def test_every_record_has_every_feature(records: dict[str, list[Record]], folder: Path) -> None:
    names = {feature.name for feature in record_features(write_small_dataset(folder, LOG))}
    for split in SPLITS:
        assert records[split] and all(set(record) == names for record in records[split]), split


def test_held_out_windows_are_of_other_users(records: dict[str, list[Record]]) -> None:
    trained_on = {record["user_id"][0] for record in records["pretrain"]}
    held_out = {record["user_id"][0] for record in records["pretrain_validation"]}
    assert not trained_on & held_out


def test_catalogue_counts_only_training_events(records: dict[str, list[Record]]) -> None:
    (record,) = records["catalog"]
    counts = dict(zip(record["candidate_item_id"], record["catalog_training_events"], strict=True))
    before = Counter(row["item_id"] for row in LOG if row["timestamp"] < CUT.validation)
    for item in counts:
        assert counts[item] == before[item]
    assert set(counts) >= {row["item_id"] for row in item_rows()} and "i3" in counts


def test_report(records: dict[str, list[Record]], folder: Path) -> None:
    report = read_report(str(folder))
    assert report["rows"]["events"] == {"read": len(LOG), "rejected": {}}
    assert report["users"] == len({row["user_id"] for row in LOG})
    assert report["items"] == len(records["catalog"][0]["candidate_item_id"])
    assert report["cut_offs"]["validation_from"] == "2020-09-16T10:00:00+00:00"
    for split in ("train", "validation", "test"):
        labels: list[float] = []
        for record in records[split]:
            labels += record["label_buy"]
        found = report["splits"][split]
        assert found["records"] == len(records[split])
        assert found["requests"] == len({record["request_id"][0] for record in records[split]})
        assert found["candidates"] == len(labels)
        assert found["label_rate"]["buy"] == pytest.approx(sum(labels) / len(labels))
    assert (
        0 < report["history_length"]["mean"] <= 5
        and report["history_length"]["percentiles"]["99"] == 5
    )


@pytest.mark.parametrize(
    ("shards", "options"),
    [
        (1, []),
        (3, ["--direct_num_workers=4", "--direct_running_mode=multi_threading"]),
        (5, ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]),
    ],
    ids=["one shard", "four threads", "two processes"],
)
def test_order_shards_and_workers_change_nothing(
    records: dict[str, list[Record]], tmp_path: Path, shards: int, options: list[str]
) -> None:
    shuffled = random.Random(1).sample(LOG, len(LOG))
    spec = write_small_dataset(tmp_path, shuffled)
    half = len(shuffled) // 2
    write_csv(tmp_path / "events.csv", shuffled[:half])
    write_csv(tmp_path / "events_2.csv", shuffled[half:])
    spec = _with_path(spec, str(tmp_path / "events*.csv"))
    assert build_records(spec, tmp_path, shards, options) == records


def test_written_records_are_the_same_in_the_same_order_however_they_are_made(
    records: dict[str, list[Record]], tmp_path: Path
) -> None:
    spec = write_small_dataset(tmp_path, LOG)
    written = write_records(spec, tmp_path, shards=3)
    assert {split: read_written(directory) for split, directory in written.items()} == records
    contents = _contents(tmp_path / "written")
    assert len(contents) > 10
    files = [path for path in written["train"].iterdir() if "-none" not in path.name]
    file_bytes = sum(path.stat().st_size for path in files)
    assert read_report(str(tmp_path))["splits"]["train"]["file_bytes"] == file_bytes
    write_csv(tmp_path / "events.csv", random.Random(1).sample(LOG, len(LOG)))
    options = ["--direct_num_workers=4", "--direct_running_mode=multi_threading"]
    write_records(spec, tmp_path, shards=3, options=options)
    assert _contents(tmp_path / "written") == contents


def test_a_split_without_records_has_a_file(tmp_path: Path) -> None:
    one_user = [row for row in LOG if row["user_id"] == "u1"]
    written = write_records(write_small_dataset(tmp_path, one_user), tmp_path, shards=3)
    assert [split for split, directory in written.items() if not read_written(directory)] == [
        "pretrain_validation"
    ]


def test_negatives_and_joins_as_of_a_time(tmp_path: Path) -> None:
    changes = {
        "negatives": {"per_request": 2, "window": "20h"},
        "candidates": {"max_per_request": 4},
        "items": {"format": "csv", "path": "items.csv", "key": "item_id", "timestamp": "since"},
    }
    spec = write_small_dataset(tmp_path, LOG, **changes)
    items = [row | {"timestamp": START + HOUR * n % 90} for n, row in enumerate(item_rows() * 3)]
    write_csv(tmp_path / "items.csv", [_renamed(row) for row in items])
    found = build_records(spec, tmp_path, shards=3)
    times = [row["timestamp"] for row in LOG]
    cut = CUT._replace(begin=min(times), end=max(times) + 1)
    expected = reference_records(spec, LOG, items, user_rows(), cut)
    for split in ("train", "validation", "test"):
        assert found[split] == sort_records(expected[split]), split
    report = read_report(str(tmp_path))["splits"]["test"]
    assert report["sampled"] + report["missing_negatives"] == 2 * report["requests"]
    assert report["candidates_a_request"]["mean"] == pytest.approx(
        report["candidates"] / report["requests"]
    )


def test_attribution_over_the_whole_job(tmp_path: Path) -> None:
    tasks = {
        "buy": {"column": "action", "equals": "buy", "within": "5h"},
        "dear": {"column": "price", "at_least": 2},
    }
    shown = {"max_per_request": 3, "where": [{"column": "action", "equals": "view"}]}
    spec = write_small_dataset(tmp_path, LOG, tasks=tasks, candidates=shown)
    found = build_records(spec, tmp_path, shards=3)
    cut = CUT._replace(end=max(row["timestamp"] for row in LOG) + 1)
    expected = reference_records(spec, LOG, item_rows(), user_rows(), cut)
    for split in ("train", "validation", "test"):
        assert found[split] == sort_records(expected[split]), split
    views = sum(row["action"] == "view" for row in LOG)
    splits = read_report(str(tmp_path))["splits"]
    counted = 0
    for split in ("train", "validation", "test"):
        counted += splits[split]["candidates"] + splits[split]["too_recent"]
    assert counted == views
    assert splits["test"]["too_recent"] > 0 and splits["train"]["label_rate"]["buy"] > 0


def test_a_context_table_is_joined_as_of_the_request(tmp_path: Path) -> None:
    features = small_spec().features.model_dump()
    features["context"]["weather"] = {"kind": "categorical", "table": "context"}
    features["context"]["device"]["table"] = "events"
    context = {
        "format": "csv",
        "path": "weather.csv",
        "key": "place",
        "timestamp": "since",
        "on": "device",
    }
    spec = write_small_dataset(tmp_path, LOG, features=features, context=context)
    rows = [
        ("phone", START, "sun"),
        ("phone", START + 50 * HOUR, "rain"),
        ("desktop", START + 80 * HOUR, "fog"),
    ]
    write_csv(
        tmp_path / "weather.csv", [{"place": p, "since": t, "weather": w} for p, t, w in rows]
    )
    found = build_records(spec, tmp_path, shards=3)
    for record in found["train"] + found["validation"] + found["test"]:
        (device,) = record["context_device"]
        (time,) = record["timestamp"]
        known = [weather for place, since, weather in rows if place == device and since < time]
        assert record["context_weather"] == [known[-1] if known else ""]


def test_values_of_items_that_their_rows_lack_come_from_all_shards(tmp_path: Path) -> None:
    features = small_spec().features.model_dump()
    features["item"]["offer"] = {"kind": "numeric", "table": "events", "column": "price"}
    features["item"]["place"] = {"kind": "categorical", "table": "events", "column": "device"}
    spec = write_small_dataset(tmp_path, LOG, features=features)
    found = build_records(spec, tmp_path, shards=5)
    expected = reference_records(spec, LOG, item_rows(), user_rows(), CUT)
    for split in ("train", "validation", "test"):
        assert found[split] == sort_records(expected[split]), split
    windows = sort_records(found["pretrain"] + found["pretrain_validation"])
    assert windows == sort_records(expected["windows"])


def test_fraction_split(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, LOG, split={"validation": 0.2, "test": 0.1})
    found = build_records(spec, tmp_path)
    shares: dict[str, float] = {}
    for split in SPLITS:
        candidates = sum(len(record["candidate_item_id"]) for record in found[split])
        shares[split] = candidates / len(LOG)
    assert shares["train"] == pytest.approx(0.7, abs=0.02)
    assert shares["test"] == pytest.approx(0.1, abs=0.02)
    last_trained_on = max(record["timestamp"][0] for record in found["train"])
    assert last_trained_on < min(record["timestamp"][0] for record in found["validation"])


def test_bad_rows_are_quarantined(records: dict[str, list[Record]], tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path, LOG)
    with (tmp_path / "events.csv").open("a") as stream:
        stream.write("u1,,5,buy,2,tv\n" * 10 + "u1,i1,soon,buy,2,tv\n" * 9)
    assert build_records(spec, tmp_path) == records
    lines = [json.loads(line) for line in (tmp_path / REJECTED_FILE).read_text().splitlines()]
    assert sorted(line["row"] for line in lines) == list(range(len(LOG) + 2, len(LOG) + 21))
    assert read_report(str(tmp_path))["rows"]["events"]["rejected"] == {
        "missing_item": 10,
        "not_a_number": 9,
    }
    check_quarantine(spec.model_copy(update={"max_bad_rows": 0.02}), str(tmp_path))
    with pytest.raises(DataError) as raised:
        check_quarantine(spec, str(tmp_path))
    assert "19 of the 1,549 rows of table events" in str(raised.value)
    assert (
        f"10 x missing_item ({tmp_path}/events.csv, row {len(LOG) + 2}: column 'item_id' is empty"
        in str(raised.value)
    )


def test_no_report_no_check(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data report"):
        check_quarantine(write_small_dataset(tmp_path, LOG), str(tmp_path))


def test_no_event_before_the_cut_off_stops_the_run(tmp_path: Path) -> None:
    split = {"validation_from": "2001-01-01", "test_from": "2002-01-01"}
    spec = write_small_dataset(tmp_path, LOG, split=split)
    with pytest.raises(Exception, match="no event comes before split.validation_from"):
        build_records(spec, tmp_path)


def test_movielens(ml_100k_dir: Path, tmp_path: Path) -> None:
    spec = DatasetSpec.model_validate(
        {
            "name": "ml_100k",
            "events": {"format": "recbole", "path": "ml-100k.inter"},
            "items": {"format": "recbole", "path": "ml-100k.item", "key": "item_id"},
            "users": {"format": "recbole", "path": "ml-100k.user", "key": "user_id"},
            "features": {
                "user": {"age": {"kind": "numeric"}},
                "item": {"genres": {"kind": "multivalent", "column": "class"}},
                "behavior": {"rating": {"kind": "categorical"}},
            },
            "tasks": {"like": {"column": "rating", "at_least": 4}},
        }
    ).with_data_dir(str(ml_100k_dir))
    run_job(spec, tmp_path)
    report = read_report(str(tmp_path))
    assert report["items"] == 1682 and report["users"] == 943
    splits = report["splits"]
    assert splits["train"]["candidates"] == 80022 and splits["train"]["requests"] == 39642
    assert splits["validation"]["candidates"] == 9932 and splits["validation"]["requests"] == 4951
    assert splits["test"]["candidates"] == 10046 and splits["test"]["requests"] == 4846
    assert sum(len(record["candidate_item_id"]) for record in read_split(tmp_path, "test")) == 10046
    assert report["splits"]["test"]["label_rate"]["like"] == pytest.approx(0.5615, abs=1e-4)
    items: list[tuple[Any, ...]] = []
    for record in read_split(tmp_path, "catalog"):
        items += zip(*_item_columns(record), strict=True)
    assert ("1", "Animation|Children's|Comedy") in items


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    contents: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            contents[str(path.relative_to(folder))] = path.read_bytes()
    return contents


def _renamed(row: Row) -> Row:
    return {{"timestamp": "since"}.get(name, name): value for name, value in row.items()}


def _item_columns(record: Record) -> tuple[list[str], list[str]]:
    return record["candidate_item_id"], record["candidate_genres"]


def _with_path(spec: DatasetSpec, path: str) -> DatasetSpec:
    return spec.model_copy(update={"events": spec.events.at(path)})
