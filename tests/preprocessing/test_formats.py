"""Every format gives the same events; lists become events; sections of a file are the whole
file."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from preprocessing.errors import DataError
from preprocessing.sources import jsonl, parquet
from preprocessing.sources.blocks import line_sections
from preprocessing.sources.check import check_sources
from preprocessing.sources.read import read_section, read_table
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec import DatasetSpec
from tests.preprocessing.parts import without_nan
from tests.testing import Row, small_log, small_spec, write_csv

LOG = small_log(events=300)


def spec_of(**events: Any) -> DatasetSpec:
    return small_spec(
        events={"format": "csv", "path": "x"} | events, items=None, users=None, features={}
    )


def read(
    path: Path, spec: DatasetSpec, sections: list[Section] | None = None
) -> tuple[list[Row], list[tuple[int, str]]]:
    """Good rows and (row, reason) of the others."""
    good: list[Row] = []
    bad = []
    for section in sections or [Section(str(path))]:
        for part in read_section(spec, "events", section):
            if isinstance(part, list):
                bad += [(row.row, row.reason) for row in part]
            elif not isinstance(part, SectionRows):
                good += part.to_pylist()
    return good, bad


def expected() -> list[Row]:
    rows = []
    for row in LOG:
        price = float(row["price"]) if row["price"] else None
        keys = {"user": row["user_id"], "item": row["item_id"], "time": row["timestamp"]}
        rows.append(keys | {"text:action": row["action"], "number:price": price})
    return rows


def typed_log() -> list[Row]:
    """The log with numbers as numbers, absent ones as null, and times as times."""
    rows: list[Row] = []
    for row in LOG:
        price = float(row["price"]) if row["price"] else None
        time = datetime.datetime.fromtimestamp(row["timestamp"], datetime.timezone.utc)
        rows.append(row | {"price": price, "timestamp": time})
    return rows


def write_avro(path: Path, rows: list[Row]) -> None:
    text = {"type": "string"}
    texts = ("user_id", "item_id", "action", "device")
    fields: list[Row] = [{"name": name, "type": text} for name in texts]
    fields.append(
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    )
    fields.append({"name": "price", "type": ["null", "double"]})
    with path.open("wb") as stream:
        fastavro.writer(
            stream, {"type": "record", "name": "Event", "fields": fields}, rows, sync_interval=1000
        )


def write(path: Path, suffix: str) -> DatasetSpec:
    """Writes the log in the format of a suffix."""
    if suffix in ("csv", "csv.gz", "csv.bz2", "csv.zst"):
        text = write_csv(path, LOG).read_bytes()
        compress: dict[str, Callable[[bytes], bytes]] = {
            "csv": bytes,
            "csv.gz": gzip.compress,
            "csv.bz2": bz2.compress,
            "csv.zst": zstandard.compress,
        }
        path.write_bytes(compress[suffix](text))
        return spec_of()
    if suffix == "jsonl":
        rows = [row | {"timestamp": row["timestamp"].isoformat()} for row in typed_log()]
        path.write_text("\n".join(map(json.dumps, rows)))
        return spec_of(format="jsonl", timestamp_unit="iso")
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(typed_log()), path, row_group_size=50)
        return spec_of(format="parquet")
    write_avro(path, typed_log())
    return spec_of(format="avro")


@pytest.mark.parametrize(
    "suffix", ["csv", "csv.gz", "csv.bz2", "csv.zst", "jsonl", "parquet", "avro"]
)
def test_every_format_gives_the_same_events(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log.{suffix}"
    good, bad = read(path, write(path, suffix))
    assert bad == []
    assert list(map(without_nan, good)) == expected()


def test_spans_of_parquet_and_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_SECTION_ROWS", 100)
    monkeypatch.setattr(line_sections, "__defaults__", (5000,))
    for suffix, module in (("parquet", parquet), ("jsonl", jsonl)):
        path = tmp_path / f"log.{suffix}"
        spec = write(path, suffix)
        sections = module.sections(str(path), spec.events)
        assert len(sections) >= 3
        assert list(map(without_nan, read(path, spec, sections)[0])) == expected()


def test_json_lines_that_are_bad(tmp_path: Path) -> None:
    good = '{"user_id": 1, "item_id": "i", "timestamp": 5, "action": "buy", "price": 2}'
    lines = [good, "{", "[1]", "", good.replace("1", "null", 1), good.replace("5", '"x"')]
    lines.append(good.replace("1", '"one"', 1))
    path = tmp_path / "log.jsonl"
    path.write_bytes("\n".join(lines).encode() + b'\n{"user_id": "\xff"}\n' + good.encode())
    rows, bad = read(path, spec_of(format="jsonl"))
    assert [row["user"] for row in rows] == ["1", "one", "1"]
    assert sorted(bad)[:2] == [(2, "unreadable"), (3, "not_an_object")]
    assert sorted(bad)[2:] == [(5, "missing_user"), (6, "not_a_number"), (8, "undecodable")]


def test_json_lines_that_are_deep(tmp_path: Path) -> None:
    """As deep as orjson reads, which is deeper than Python's own functions go."""
    good = '{"user_id": 1, "item_id": "i", "timestamp": 5, "action": "buy", "price": 2, "x": 3}'
    lists = "[" * 1000 + "]" * 1000
    fields = '{"a": ' * 1000 + "1" + "}" * 1000
    lines = [
        good.replace('"x": 3', f'"x": {fields}'),
        good.replace("1", lists, 1),
        good.replace("1", fields, 1),
        "[" * 100_000 + "NaN",
        good,
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines))
    names = jsonl.read_header(str(path), spec_of(format="jsonl").events).names
    assert names[:6] == ("user_id", "item_id", "timestamp", "action", "price", "x")
    assert names[6:8] == ("x.a", "x.a.a")
    rows, bad = read(path, spec_of(format="jsonl"))
    assert [row["user"] for row in rows] == ["1", "1"]
    assert sorted(bad) == [(2, "not_one_value"), (3, "not_one_value"), (4, "unreadable")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400),
        ("2024-02-29T12:00:00Z", 1709208000),
        ("2024-02-29 12:00:00.75", 1709208000),
        ("2024-02-29T12:00:00+02:00", 1709200800),
        ("2024-02-29T12:00-0530", 1709227800),
        ("2023-02-29T12:00:00Z", None),
        ("2024-02-29T24:00:00Z", None),
        ("yesterday", None),
    ],
)
def test_iso_times(tmp_path: Path, text: str, seconds: int | None) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        f"user_id,item_id,timestamp,action,price\nu,i,{text},buy,1\nu,i,2000-01-01,buy,1\n"
    )
    good, bad = read(path, spec_of(timestamp_unit="iso"))
    assert [row["time"] for row in good] == ([] if seconds is None else [seconds]) + [946684800]
    assert bad == ([(2, "not_a_time")] if seconds is None else [])


def exploding(**explode: Any) -> DatasetSpec:
    task = {"click": {"column": "clicked", "equals": 1}}
    return small_spec(
        events={"format": "csv", "path": "x", "item": "item", "explode": explode},
        items=None,
        users=None,
        features={},
        tasks=task,
    )


def test_text_lists_become_events(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = ["u,5,a-1-0 b-1", "u,6,", "u,7,c-0", "u,8,d"]
    path.write_text("user_id,timestamp,shown\n" + "\n".join(rows) + "\n")
    good, bad = read(path, exploding(columns=["shown"], parts=["item", "clicked"]))
    assert [tuple(row.values()) for row in good] == [
        ("u", "a-1", 5, 0.0),
        ("u", "b", 5, 1.0),
        ("u", "c", 7, 0.0),
    ]
    assert sorted(bad) == [(3, "empty_list"), (5, "missing_item")]


def test_lists_of_structures_and_parallel_lists_become_events(tmp_path: Path) -> None:
    rows = [
        {
            "user_id": "u",
            "timestamp": 5,
            "shown": [{"item": "a", "clicked": False}, {"item": "b", "clicked": True}],
        },
        {"user_id": "u", "timestamp": 6, "shown": []},
    ]
    structures = exploding(columns=["shown"]).model_dump(mode="json")
    structures["events"] |= {"item": "shown.item"}
    structures["tasks"]["click"]["column"] = "shown.clicked"
    lists = exploding(columns=["item", "clicked"]).model_dump(mode="json")
    flat = [{"user_id": "u", "timestamp": 5, "item": ["a", "b"], "clicked": [0, 1]}]
    flat.append({"user_id": "u", "timestamp": 6, "item": ["a"], "clicked": [0, 1]})
    for content, log, reason in ((structures, rows, "empty_list"), (lists, flat, "list_lengths")):
        for name in ("jsonl", "parquet"):
            path = tmp_path / f"log.{name}"
            if name == "jsonl":
                path.write_text("\n".join(map(json.dumps, log)))
            else:
                pq.write_table(pa.Table.from_pylist(log), path)
            events = {key: content["events"][key] for key in ("item", "explode")}
            spec = DatasetSpec.model_validate(
                content | {"events": events | {"format": name, "path": str(path)}}
            )
            good, bad = read(path, spec)
            assert [tuple(row.values()) for row in good] == [("u", "a", 5, 0.0), ("u", "b", 5, 1.0)]
            assert bad == [(2, reason)]


def test_nested_fields_and_lists_of_values(tmp_path: Path) -> None:
    row = {
        "user": {"id": 7},
        "item_id": 1.0,
        "timestamp": 5,
        "action": "buy",
        "price": True,
        "tags": ["a", "b"],
    }
    features = {"item": {"tags": {"kind": "multivalent"}}}
    for name in ("jsonl", "parquet"):
        path = tmp_path / f"log.{name}"
        if name == "jsonl":
            path.write_text(json.dumps(row))
        else:
            pq.write_table(pa.Table.from_pylist([row]), path)
        events = {"format": name, "path": str(path), "user": "user.id"}
        spec = small_spec(events=events, items=None, users=None, features=features)
        good, bad = read(path, spec)
        assert (good[0]["user"], good[0]["item"], good[0]["number:price"]) == ("7", "1", 1.0)
        assert (good[0]["multivalent:tags"], bad) == ("a|b", [])
        with pytest.raises(DataError, match="no column 'user.name'"):
            check_sources(
                spec.model_copy(
                    update={"events": spec.events.model_copy(update={"user": "user.name"})}
                )
            )


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    spec = write(path, "parquet")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"log\.parquet: not a whole Parquet file"):
        list(read_table(spec, "events", str(path)))
    path = tmp_path / "log.avro"
    spec = write(path, "avro")
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(DataError, match=r"log\.avro: the file breaks off at row"):
        read(path, spec)
    good, bad = read(path, spec_of(format="avro", may_break_off=["*.avro"]))
    assert list(map(without_nan, good)) == expected()[: len(good)]
    assert len(good) > 200
    assert bad == [(len(good) + 1, "truncated")]


@pytest.mark.parametrize(
    "path", ["gs://bucket/no/events*.csv", "s3://bucket/no/events.csv", "nowhere://x"]
)
def test_remote_paths_that_can_not_be_asked_are_named(path: str) -> None:
    spec = spec_of(path=path)
    assert spec.with_data_dir("/data").events.path == path
    assert (
        spec_of(path="a/*.csv").with_data_dir("gs://b/data/").events.path == "gs://b/data/a/*.csv"
    )
    if path.startswith("nowhere"):
        with pytest.raises(
            DataError, match="nowhere://x: the spec's events.path can't be looked up"
        ):
            check_sources(spec)
