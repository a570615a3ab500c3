"""Folders, hidden files, columns from folders, odd names, files that aren't what they seem, keys
that come late."""

from __future__ import annotations

import gzip
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing.errors import DataError
from preprocessing.inspection.log import profile_log
from preprocessing.rolling import newest_span, path_of_span
from preprocessing.sources.check import check_sources
from preprocessing.sources.files import files_of
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.validation import validate
from tests.preprocessing.parts import good_rows, rejected_rows
from tests.testing import Row, run_job, small_spec

START = 1_600_000_000
HEADER = "user_id,item_id,timestamp,n\n"


def spec_of(path: Path | str, format: str = "csv", **changes: Any) -> DatasetSpec:
    return small_spec(
        events={"format": format, "path": str(path)},
        items=None,
        users=None,
        features={"context": {"day": {"kind": "categorical", "table": "events"}}}
        if changes.pop("day", False)
        else {},
        tasks={"click": {"column": "n", "equals": 1}},
        split={},
        **changes,
    )


def lines(first: int, count: int = 5) -> str:
    return "".join(f"u{n},i{n},{START + n * 3600},1\n" for n in range(first, first + count))


def read(spec: DatasetSpec) -> list[Row]:
    paths = files_of(spec.events, "events")
    rows: list[Row] = []
    for path in paths:
        parts = list(read_table(spec, "events", path))
        assert not rejected_rows(parts)
        rows += good_rows(parts)
    return rows


def items(spec: DatasetSpec) -> list[str]:
    return sorted(row["item"] for row in read(spec))


def test_a_folder_is_its_files_of_the_format(tmp_path: Path) -> None:
    folder = tmp_path / "log [v2].csv"
    (folder / "deep").mkdir(parents=True)
    (folder / "part-0.csv").write_text(HEADER + lines(0, 1))
    (folder / "deep" / "part-1.CSV.GZ").write_bytes(gzip.compress((HEADER + lines(1, 1)).encode()))
    (folder / "part-2.csv.xz").write_bytes(lzma.compress((HEADER + lines(2, 1)).encode()))
    for name in ("_SUCCESS", ".part-0.csv.crc", "_temporary.csv", "notes.txt"):
        (folder / name).write_text("no log")
    for path in (folder, f"{folder}/"):
        assert items(spec_of(path)) == ["i0", "i1", "i2"]
    assert items(spec_of(folder / "part-0.csv")) == ["i0"]
    with pytest.raises(
        DataError, match=r"no file of this folder ends in \.avro\. It has: .*notes\.txt"
    ):
        files_of(spec_of(folder, "avro").events, "events")


def test_globs_leave_out_hidden_files_and_take_the_folders_that_they_match(tmp_path: Path) -> None:
    for day in (1, 2):
        (tmp_path / f"day-{day}").mkdir()
        (tmp_path / f"day-{day}" / "part.csv").write_text(HEADER + lines(day, 1))
        (tmp_path / f"day-{day}" / "_SUCCESS").write_text("")
    assert items(spec_of(tmp_path / "day-*" / "*")) == ["i1", "i2"]
    assert items(spec_of(tmp_path / "day-*")) == ["i1", "i2"]
    (tmp_path / "_hidden.csv").write_text(HEADER + lines(3, 1))
    assert items(spec_of(tmp_path / "_hidden.csv")) == ["i3"]
    (tmp_path / "day-3.csv").write_text(HEADER + lines(4, 1))
    (tmp_path / "day-2" / "notes.txt").write_text("no log")
    for glob in ("*", "day-*", "day-[1-3]*"):
        assert items(spec_of(tmp_path / glob)) == ["i1", "i2", "i4"]
    assert items(spec_of(tmp_path / "*.csv")) == ["i4"]


@pytest.mark.parametrize(
    "path", ["log-*.csv", "log-[1-2].csv", "log-1.csv", "log-1*", "day", "log[1].csv"]
)
def test_the_data_directory_s_own_name_is_no_pattern(tmp_path: Path, path: str) -> None:
    # The second's name is what the first's would match as a pattern.
    for number, name in enumerate(["lo g[1]*é", "lo g1 é"], 1):
        folder = tmp_path / name
        (folder / "day").mkdir(parents=True)
        for log in (f"log-{number}.csv", "log[1].csv"):
            (folder / log).write_text(HEADER + lines(number, 1))
        (folder / "day" / "part.csv").write_text(HEADER + lines(number, 1))
    assert items(spec_of(path).with_data_dir(str(tmp_path / "lo g[1]*é"))) == ["i1"]


def test_nor_is_it_where_paths_name_days(tmp_path: Path) -> None:
    folder = tmp_path / "lo g[1]*?é"
    folder.mkdir()
    for day in (20454, 20455):
        (folder / f"log-{day}.csv").write_text(HEADER + lines(day, 1))
    spec = spec_of("log.csv")
    spec = spec.model_copy(update={"events": spec.events.at("log-{SPAN}.csv")})
    spec = spec.with_data_dir(str(folder))
    (pattern,) = spec.events.paths
    assert newest_span(pattern) == 20455
    events = spec.events.at(path_of_span(pattern, 20455))
    assert items(spec.model_copy(update={"events": events})) == ["i20455"]


def test_a_missing_file_is_not_said_to_be_in_a_missing_folder(tmp_path: Path) -> None:
    folder = tmp_path / "lo g[1]é"
    folder.mkdir()
    with pytest.raises(DataError) as raised:
        items(spec_of("log-*.csv").with_data_dir(str(folder)))
    assert str(raised.value).endswith("no such file, for events.path.")


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_folders_give_columns(tmp_path: Path, format: str) -> None:
    days = {"2026-01-01": "2026-01-01", "a%3Ab": "a:b", "__HIVE_DEFAULT_PARTITION__": ""}
    for number, folder in enumerate(days):
        (tmp_path / f"day={folder}" / "n=1").mkdir(parents=True)
        path = tmp_path / f"day={folder}" / "n=1" / f"part.{format}"
        row = {"user_id": "u", "item_id": f"i{number}", "timestamp": START + number}
        if format == "csv":
            path.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
        elif format == "jsonl":
            path.write_text(json.dumps(row) + "\n")
        else:
            pq.write_table(pa.Table.from_pylist([row]), path)
    spec = spec_of(tmp_path, format, day=True)
    found = {row["item"]: (row["text:day"], row["number:n"]) for row in read(spec)}
    assert found == {f"i{number}": (day, 1.0) for number, day in enumerate(days.values())}
    assert [p for p in validate(spec).problems if "column" in p] == []


def test_a_file_s_own_column_comes_before_its_folder_s(tmp_path: Path) -> None:
    (tmp_path / "n=7").mkdir()
    (tmp_path / "n=7" / "part.csv").write_text(HEADER + lines(0, 1))
    assert [row["number:n"] for row in read(spec_of(tmp_path))] == [1.0]


@pytest.mark.slow
def test_the_job_reads_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "log [v2]"
    folder.mkdir()
    for number in range(3):
        (folder / f"part-{number}.csv").write_text(HEADER + lines(number * 10, 10))
    (folder / "_SUCCESS").write_text("")
    run_job(spec_of(folder), tmp_path, shards=2)
    assert json.loads((tmp_path / "data_report.json").read_text())["rows"]["events"]["read"] == 30


def test_spans_are_found_in_folders(tmp_path: Path) -> None:
    for day in ("01", "02"):
        (tmp_path / f"day=2026-01-{day}").mkdir()
        (tmp_path / f"day=2026-01-{day}" / "part.csv").write_text(HEADER)
    assert newest_span(f"{tmp_path}/day={{YYYY}}-{{MM}}-{{DD}}/") == 20455


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "log.csv",
            gzip.compress(HEADER.encode(), mtime=0),
            "this is gzip-compressed: give it a name that ends in .gz",
        ),
        ("log.csv", lzma.compress(HEADER.encode()), "this is xz-compressed"),
        ("log.jsonl", b"PK\x03\x04...", "this is a zip archive: unpack it"),
        ("log.csv", b"PAR1...", "this is a Parquet file: say format: parquet"),
        ("log.jsonl", b"Obj\x01...", "this is an Avro file: say format: avro"),
        (
            "log.parquet",
            gzip.compress(b"PAR1...", mtime=0),
            "not a Parquet file: it is gzip-compressed",
        ),
        ("log.avro", b"PAR1...", "not an Avro file: it is a Parquet file"),
        (
            "log.jsonl",
            b'[{"user_id": 1},\n{"user_id": 2}]',
            "this is one JSON array, not an object a line",
        ),
        ("log.jsonl", b'[\n {"user_id": 1}\n]', "this is one JSON array, not an object a line"),
        ("log.jsonl", b'{\n "user_id": 1\n}\n', "this is JSON over several lines"),
    ],
)
def test_files_that_are_something_else_are_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: {message}"):
        check_sources(spec_of(tmp_path / name, name.split(".")[1]))


def test_zipped_text_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.csv", "w") as archive:
        archive.writestr("log.csv", HEADER)
    with pytest.raises(DataError, match="this is a zip archive"):
        check_sources(spec_of(tmp_path / "log.csv"))


@pytest.mark.slow
def test_json_keys_may_come_late_or_be_in_one_file_alone(tmp_path: Path) -> None:
    rows: list[Row] = []
    for n in range(60_000):
        rows.append({"user_id": "u", "item_id": f"i{n}", "timestamp": START + n * 600})
    rows[-1]["n"] = 1
    (tmp_path / "1.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "2.jsonl").write_text("\n".join(map(json.dumps, rows[:50])))
    spec = spec_of(tmp_path, "jsonl")
    check_sources(spec)
    assert not any("column" in problem for problem in validate(spec).problems)
    rows[-1] = rows[-1] | {"m": rows[-1].pop("n"), "other": "n"}
    (tmp_path / "1.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match="no column 'n', which tasks.click needs"):
        check_sources(spec)


def test_columns_of_all_json_files_are_inspected(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"b": null, "time": "nan"}\n')
    found = profile_log(spec_of(tmp_path, "jsonl").events, 10)
    assert ([profile.name for profile in found.columns], found.read) == (["a", "b", "time"], 2)


def test_the_nearest_column_is_found_whatever_its_case(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("USER_ID,item_id,timestamp,n\n")
    with pytest.raises(DataError, match="Did you mean 'USER_ID'"):
        check_sources(spec_of(tmp_path / "log.csv"))
