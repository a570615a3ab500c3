"""The Beam job's statistics against the naive reference."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest

from preprocessing.counting.refresh import BuildStatistics
from preprocessing.quarantine import check_quarantine
from preprocessing.spec import DatasetSpec
from preprocessing.statistics.as_of import AsOf
from tests.preprocessing.statistics.reference import reference_statistics
from tests.testing import (
    HOUR,
    Record,
    Row,
    build_records,
    item_rows,
    small_log,
    small_spec,
    write_csv,
    write_small_dataset,
)

_RECORDS = 25  # of each split, compared with the reference


@pytest.mark.slow
def test_equals_the_reference_over_shards_and_processes(tmp_path: Path) -> None:
    log = small_log(events=600)
    features = small_spec().features.model_dump()
    features["item"]["tag"] = {"kind": "categorical", "column": "tags"}
    features["statistics"] = {
        "tag": {"windows": ["1h", "1d", "all"]},
        "item_id": {
            "step": "1d",
            "counts": ["events", "rate", "recency"],
            "where": [{"column": "action", "equals": "buy"}],
        },
        "user": {"windows": ["1d"]},
        "user_item": {
            "of": ["user", "item_id"],
            "windows": ["all"],
            "counts": ["events", "positives", "rate", "recency"],
        },
    }
    spec = write_small_dataset(tmp_path, log, features=features)
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    records = build_records(spec, tmp_path, 3, options)
    for split in ("train", "validation", "test", "pretrain"):
        for record in records[split][:_RECORDS]:
            for name, expected in reference_statistics(spec, log, item_rows(), record).items():
                np.testing.assert_allclose(
                    record[name],
                    np.array(expected, np.float32),
                    rtol=1e-6,
                    err_msg=f"{split} {name}",
                )
    _check_table(spec, records["catalog"], log)
    assert _built_alone(spec, tmp_path) == sorted(_lines(records["catalog"]))


def _built_alone(spec: DatasetSpec, folder: Path) -> list[str]:
    """The lines of the table as they are made without records."""
    lines = folder / "lines.txt"
    with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
        made = pipeline | BuildStatistics(spec, str(folder))
        _ = made | beam.io.WriteToText(str(lines), num_shards=1, shard_name_template="")
    check_quarantine(spec, str(folder))
    return sorted(lines.read_text().splitlines())


@pytest.mark.slow
def test_a_table_as_of_a_time_knows_nothing_of_what_comes_later(tmp_path: Path) -> None:
    log = small_log(events=200)
    spec = write_small_dataset(
        tmp_path, log, features={"statistics": {"item_id": {"windows": ["1h", "all"]}}}
    )
    middle = sorted(row["timestamp"] for row in log)[100]
    lines = tmp_path / "lines.txt"
    with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
        made = pipeline | BuildStatistics(spec, str(tmp_path), middle)
        _ = made | beam.io.WriteToText(str(lines), num_shards=1, shard_name_template="")
    table: dict[str, np.ndarray] = {}
    for line in lines.read_text().splitlines():
        key, value = line.split()
        table[_decoded(key)] = _numbers(value)
    record = {"timestamp": [middle], "user_id": ["new"], "candidate_item_id": ["i0", "i1", "i2"]}
    expected = reference_statistics(spec, log, [], record)
    names = [f"candidate_{column.name}" for column in spec.statistic_columns("candidate")]
    columns = [expected[name] for name in names]
    found = [table[f"of\x1fitem_id\x1f{item}"] for item in record["candidate_item_id"]]
    np.testing.assert_allclose(found, np.array(columns, np.float32).T, rtol=1e-6)


def test_a_table_says_how_many_events_the_log_had_before_it(tmp_path: Path) -> None:
    """Not those after now, nor what lists of earlier behaviours name."""
    log = small_log(events=200)
    late = log[0] | {"timestamp": int(time.time()) + 7 * 24 * HOUR}
    spec = write_small_dataset(
        tmp_path,
        features={"statistics": {"item_id": {"windows": ["all"]}}},
        history={"earlier": {"column": "before"}},
    )
    write_csv(tmp_path / "events.csv", [row | {"before": "i1 i2"} for row in [*log, late]])
    as_of = AsOf.of_lines(line.encode() for line in _built_alone(spec, tmp_path))
    assert as_of == AsOf(max(row["timestamp"] for row in log) + 1, len(log))


def _check_table(spec: DatasetSpec, catalog: Sequence[Record], log: Sequence[Row]) -> None:
    """The table holds what a request just after the log would have seen, for items in it and for
    others."""
    table: dict[str, str] = {}
    for line in _lines(catalog):
        key, value = line.split("\t")
        table[_decoded(key)] = value
    items = [
        *sorted({row["item_id"] for row in log} | {row["item_id"] for row in item_rows()}),
        "new",
    ]
    tag_of = {row["item_id"]: row["tags"] for row in item_rows()}
    tags = [tag_of.get(item, "") for item in items]
    for item, tag in zip(items, tags, strict=True):
        assert _decoded(table.get(f"item\x1ftag\x1f{item}", "")) == tag
    after = max(row["timestamp"] for row in log) + 1
    record = {
        "timestamp": [after],
        "user_id": ["new"],
        "candidate_item_id": items,
        "candidate_tag": tags,
    }
    expected = reference_statistics(spec, log, item_rows(), record)
    for name, keys in {
        "tag": tags,
        "item_id": items,
        "user": ["new"],
        "user_item": [""] * len(items),
    }.items():
        statistic = spec.features.statistics[name]
        never_counted = table[f"of\x1f{name}\x1f"]
        rows = [_numbers(table.get(f"of\x1f{name}\x1f{key}", never_counted)) for key in keys]
        side = "candidate" if statistic.item_keys(name) else "user"
        columns = []
        for column in statistic.columns(name, tuple(spec.tasks)):
            columns.append(expected[f"{side}_{column.name}"])
        np.testing.assert_allclose(rows, np.array(columns, np.float32).T, rtol=1e-6, err_msg=name)


def _lines(catalog: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    for record in catalog:
        lines += record["catalog_statistics"]
    return lines


def _numbers(value: str) -> np.ndarray:
    return np.frombuffer(base64.urlsafe_b64decode(value + "=="), "<f4")


def _decoded(text: str) -> str:
    return base64.urlsafe_b64decode(text + "==").decode()
