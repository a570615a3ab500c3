"""Shared helpers: small logs, specs for them, runs of the Beam job, parsed records, and a naive
reference."""

from __future__ import annotations

import csv
import datetime
import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf

from preprocessing.features import SPLITS
from preprocessing.records import BuildRecords, WriteRecords
from preprocessing.spec import DatasetSpec

Row = dict[str, Any]
Record = dict[str, list[Any]]
HOUR = 3600
START = 1_600_000_000 // HOUR * HOUR  # the generated logs begin here, on a full hour
EVENT_COLUMNS = ("user_id", "item_id", "timestamp", "action", "price", "device")


def small_log(
    users: int = 40, items: int = 30, events: int = 1500, hours: int = 100, seed: int = 0
) -> list[Row]:
    """Random events with many equal timestamps and some exact duplicates, in random order."""
    rng = random.Random(seed)
    rows: list[Row] = []
    for _ in range(events):
        rows.append(
            {
                "user_id": f"u{rng.randrange(users)}",
                "item_id": f"i{int(items * rng.random() ** 2)}",
                "timestamp": START + rng.randrange(hours * 4) * HOUR // 4,
                "action": rng.choice(["view", "view", "buy"]),
                "price": rng.choice(["", "1.5", "2", "10"]),
                "device": rng.choice(["phone", "desktop", ""]),
            }
        )
    rows += rng.sample(rows, events // 50)
    rng.shuffle(rows)
    return rows


def item_rows(items: int = 30, missing: Sequence[int] = (3,)) -> list[Row]:
    """An item table that lacks some items of the log and has one that the log lacks."""
    rows: list[Row] = []
    for n in (*range(items), 9999):
        if n not in missing:
            tags = "|".join(["t0", "t1"][: n % 3])
            rows.append({"item_id": f"i{n}", "name": f"Item {n}", "tags": tags, "weight": n / 4})
    return rows


def user_rows(users: int = 40) -> list[Row]:
    """A user table without the users whose number is a multiple of ten."""
    rows: list[Row] = []
    for n in range(users):
        if n % 10:
            rows.append({"user_id": f"u{n}", "age": 20 + n if n % 7 else ""})
    return rows


def small_spec(**changes: Any) -> DatasetSpec:
    """A spec for `small_log`, `item_rows` and `user_rows`, with every kind of feature."""
    content: Row = {
        "name": "small",
        "events": {"format": "csv", "path": "events.csv"},
        "items": {"format": "csv", "path": "items.csv", "key": "item_id", "title": "name"},
        "users": {"format": "csv", "path": "users.csv", "key": "user_id"},
        "features": {
            "user": {"age": {"kind": "numeric"}},
            "item": {"tags": {"kind": "multivalent"}, "weight": {"kind": "numeric"}},
            "behavior": {"action": {"kind": "categorical"}, "gap": {"kind": "time_gap"}},
            "context": {"device": {"kind": "categorical"}, "hour": {"kind": "hour_of_day"}},
        },
        "history": {"length": 5},
        "candidates": {"max_per_request": 3},
        "tasks": {
            "buy": {"column": "action", "equals": "buy"},
            "dear": {"column": "price", "at_least": 2},
        },
        "split": {
            "validation_from": f"{_iso(START + 70 * HOUR)}",
            "test_from": f"{_iso(START + 85 * HOUR)}",
        },
    }
    return DatasetSpec.model_validate(content | changes)


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str] | None = None) -> Path:
    """Writes rows with a header."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(columns or rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_small_dataset(
    folder: Path, rows: Sequence[Row] | None = None, **changes: Any
) -> DatasetSpec:
    """Writes events, items and users into `folder` and returns their spec."""
    write_csv(folder / "events.csv", small_log() if rows is None else rows, EVENT_COLUMNS)
    write_csv(folder / "items.csv", item_rows())
    write_csv(folder / "users.csv", user_rows())
    return small_spec(**changes).with_data_dir(str(folder))


def build_records(
    spec: DatasetSpec, folder: Path, shards: int = 8, options: Sequence[str] = ()
) -> dict[str, list[Record]]:
    """Runs the Beam job in this process; quarantine and report go to `folder`, too. Records are
    sorted."""
    run_job(spec, folder, shards, options)
    return {split: read_split(folder, split) for split in SPLITS}


def run_job(spec: DatasetSpec, folder: Path, shards: int = 8, options: Sequence[str] = ()) -> None:
    """Runs the Beam job in this process and writes records, quarantine and report to `folder`."""
    with beam.Pipeline("FnApiRunner", argv=list(options)) as pipeline:
        records = pipeline | BuildRecords(spec, quarantine_dir=str(folder), shards=shards)
        for split in SPLITS:
            _ = records[split] | split >> beam.io.WriteToTFRecord(str(folder / split), num_shards=1)


def write_records(
    spec: DatasetSpec, folder: Path, shards: int = 8, options: Sequence[str] = ()
) -> dict[str, Path]:
    """Runs the job that writes its records itself; returns each split's directory below
    `folder`."""
    directories = {split: folder / "written" / split for split in SPLITS}
    with beam.Pipeline("FnApiRunner", argv=list(options)) as pipeline:
        places = {split: str(path) for split, path in directories.items()}
        _ = pipeline | WriteRecords(places, spec, quarantine_dir=str(folder), shards=shards)
    return directories


def read_written(directory: Path) -> list[Record]:
    """The records of a split that `write_records` wrote, sorted by their contents."""
    records: list[Record] = []
    for path in directory.iterdir():
        records += read_file(path)
    return sort_records(records)


def read_file(path: Path) -> list[Record]:
    """The records of a gzipped file in their order."""
    dataset = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
    return parse_records(dataset.as_numpy_iterator())


def read_split(folder: Path, split: str) -> list[Record]:
    """The records of a split that `run_job` wrote, sorted by their contents."""
    files = tf.data.TFRecordDataset(str(folder / f"{split}-00000-of-00001"))
    return sort_records(parse_records(record.numpy() for record in files))


def parse_records(serialised: Iterable[bytes]) -> list[Record]:
    """tf.Examples as dictionaries of lists; strings are decoded and NaN becomes None, so that ==
    works."""
    return [_parse(tf.train.Example.FromString(record)) for record in serialised]


def sort_records(records: Iterable[Record]) -> list[Record]:
    """Records in an order that depends on their contents alone."""
    return sorted(
        records, key=lambda record: sorted((name, repr(values)) for name, values in record.items())
    )


def _parse(example: Any) -> Record:
    return {name: _values(feature) for name, feature in example.features.feature.items()}


def _values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    if kind == "bytes_list":
        return [value.decode() for value in feature.bytes_list.value]
    if kind == "float_list":
        return [None if math.isnan(value) else value for value in feature.float_list.value]
    return list(feature.int64_list.value)


def _iso(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()
