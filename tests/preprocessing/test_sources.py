"""Reading files: good rows arrive typed, bad rows are rejected with their place and reason."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources import delimited
from preprocessing.sources.check import check_sources
from preprocessing.sources.columns import columns_of
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.titles import read_titles, title_conflicts, title_table
from tests.preprocessing.parts import rejected_rows
from tests.testing import small_spec, write_small_dataset

HEADER = b"user_id,item_id,timestamp,action,price,device\n"


def spec_of(**events: Any) -> DatasetSpec:
    return small_spec(events={"format": "csv", "path": "events.csv"} | events)


def read(
    path: Path, content: bytes, spec: DatasetSpec | None = None
) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Good rows, and (row number, reason) of the rejected ones."""
    path.write_bytes(content)
    parts = list(read_table(spec or spec_of(), "events", str(path)))
    rejected = rejected_rows(parts)
    for row in rejected:
        assert isinstance(row, RejectedRow) and row.file == str(path) and row.message
    good = pa.concat_tables(
        [part for part in parts if not isinstance(part, list)] or [pa.table({"user": []})]
    )
    return good, [(row.row, row.reason) for row in rejected]


def test_types(tmp_path: Path) -> None:
    good, rejected = read(
        tmp_path / "e.csv", HEADER + b"u1,i1,1600000000.9,buy,2.5,\nu2,i2,5,,,tv\n"
    )
    assert rejected == []
    assert good.column("user").to_pylist() == ["u1", "u2"]
    assert good.column("time").to_pylist() == [1600000000, 5]
    assert good.column("number:price").to_pylist()[0] == 2.5
    assert (
        good.column("number:price").to_pylist()[1] != good.column("number:price").to_pylist()[1]
    )  # NaN
    assert good.column("text:device").to_pylist() == ["", "tv"]
    assert set(good.column_names) == {column.name for column in columns_of(spec_of(), "events")}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"u1,i1,5,buy,2", "field_count"),
        (b"u1,i1,5,buy,2,tv,more", "field_count"),
        (b",i1,5,buy,2,tv", "missing_user"),
        (b"u1,  ,5,buy,2,tv", "missing_item"),
        (b"u1,i1,,buy,2,tv", "missing_timestamp"),
        (b"u1,i1,yesterday,buy,2,tv", "not_a_number"),
        (b"u1,i1,-5,buy,2,tv", "negative_timestamp"),
        (b"u1,i1,nan,buy,2,tv", "not_finite"),
        (b"u1,i1,1600000000000,buy,2,tv", "timestamp_out_of_range"),
        (b"u1,i1,5,buy,cheap,tv", "not_a_number"),
        (b"u1,i1,5,buy,inf,tv", "not_finite"),
        (b"u1,i1,5,buy,1e999,tv", "not_finite"),
        (b"u\xff1,i1,5,buy,2,tv", "undecodable"),
        (b"u1,i1,5,buy,2," + b"x" * 200_000, "unreadable"),
    ],
)
def test_bad_row_is_rejected_and_the_good_ones_arrive(
    tmp_path: Path, row: bytes, reason: str
) -> None:
    good, rejected = read(
        tmp_path / "e.csv", HEADER + b"u1,i1,1,buy,2,tv\n" + row + b"\nu3,i3,3,buy,2,tv\n"
    )
    assert rejected == [(3, reason)]
    assert good.column("time").to_pylist() == [1, 3]
    assert good.column("number:price").to_pylist() == [2.0, 2.0]


def test_a_rate_is_between_0_and_1_whoever_else_reads_the_column(tmp_path: Path) -> None:
    features: dict[str, dict[str, Any]] = {
        "context": {"price": {"kind": "numeric"}},
        "behavior": {"rate": {"kind": "numeric", "column": "price", "scale": "logit"}},
    }
    rows = (
        b"u1,i1,1,buy,0,tv\nu1,i1,2,buy,1.5,tv\nu1,i1,3,buy,,tv\n"
        b"u1,i1,4,buy,1,tv\nu1,i1,5,buy,-0.1,tv\n"
    )
    good, rejected = read(tmp_path / "e.csv", HEADER + rows, small_spec(features=features))
    assert good.column("time").to_pylist() == [1, 3, 4]
    assert rejected == [(3, "out_of_range"), (6, "out_of_range")]
    linear = small_spec(features={"context": {"price": {"kind": "numeric"}}})
    assert read(tmp_path / "e.csv", HEADER + rows, linear)[1] == []


def test_row_numbers_across_batches_blank_lines_and_quoted_line_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited.read_batches, "__defaults__", (40,))
    rows = [
        b"u1,i1,1,buy,2,tv",
        b'"u\n1",i1,2,buy,2,tv',
        b"",
        b"u1,i1,x,buy,2,tv",
        b"u1,i1,3,buy,2,tv",
        b"u,i,y,b,,",
    ]
    good, rejected = read(tmp_path / "e.csv", HEADER + b"\n".join(rows))
    assert good.column("time").to_pylist() == [1, 2, 3]
    assert good.column("user").to_pylist()[1] == "u\n1"
    assert rejected == [(5, "not_a_number"), (7, "not_a_number")]


def test_a_row_has_one_reason(tmp_path: Path) -> None:
    assert read(tmp_path / "e.csv", HEADER + b",,x,buy,y,tv\n")[1] == [(2, "missing_user")]


@pytest.mark.parametrize(("unit", "value"), [("s", "7.9"), ("ms", "7999"), ("us", "7999999")])
def test_timestamp_units(tmp_path: Path, unit: str, value: str) -> None:
    good, _ = read(
        tmp_path / "e.csv", HEADER + f"u,i,{value},b,,\n".encode(), spec_of(timestamp_unit=unit)
    )
    assert good.column("time").to_pylist() == [7]


def test_gzip_whole_and_truncated(tmp_path: Path) -> None:
    lines: list[bytes] = []
    for n in range(20_000):
        lines.append(b"user%d,item%d,%d,buy,2,tv\n" % (n * 7919 % 10007, n * 104729 % 10007, n))
    whole = gzip.compress(HEADER + b"".join(lines))
    assert read(tmp_path / "e.csv.gz", whole)[0].num_rows == 20_000
    good, rejected = read(
        tmp_path / "e.csv.gz", whole[: len(whole) // 2], spec_of(may_break_off=["e.csv.gz"])
    )
    assert [reason for _, reason in rejected] == ["truncated"]
    assert good.column("time").to_pylist() == list(range(good.num_rows)) and good.num_rows > 5_000


def test_byte_order_mark_and_reordered_columns(tmp_path: Path) -> None:
    content = (
        b"\xef\xbb\xbfprice,device,other,timestamp,action,item_id,user_id\n2,tv,?,5,buy,i1,u1\n"
    )
    good, rejected = read(tmp_path / "e.csv", content)
    assert (good.column("user").to_pylist(), good.column("time").to_pylist(), rejected) == (
        ["u1"],
        [5],
        [],
    )


def test_recbole_types_and_sequences(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text(
        'item_id:token\tname:token_seq\ttags:token_seq\tweight:float\ni1\t"Odd\ta b\t0.5\n'
    )
    spec = small_spec(items={"format": "recbole", "path": str(path), "key": "item_id"})
    (good,) = list(read_table(spec, "items", str(path)))
    assert isinstance(good, pa.Table)
    assert good.to_pylist() == [{"key": "i1", "multivalent:tags": "a|b", "number:weight": 0.5}]


def test_check_passes_on_a_good_dataset(tmp_path: Path) -> None:
    check_sources(write_small_dataset(tmp_path))


def broken(folder: Path, file: str, content: str, **changes: Any) -> str:
    """The message of check_sources when one file has other content."""
    spec = write_small_dataset(folder, **changes)
    (folder / file).write_text(content)
    with pytest.raises(DataError) as raised:
        check_sources(spec)
    return str(raised.value)


def test_check_missing_column(tmp_path: Path) -> None:
    message = broken(
        tmp_path, "events.csv", "user_id,itemid,timestamp,action,price,device\nu,i,1,b,2,d\n"
    )
    assert "events.csv: no column 'item_id', which events.item needs" in message
    assert "Did you mean 'itemid'?" in message and "Found: user_id, itemid, timestamp" in message


def test_check_missing_column_of_a_table(tmp_path: Path) -> None:
    assert "which items.title needs" in broken(
        tmp_path, "items.csv", "item_id,tags,weight\ni1,a,2\n"
    )


def test_check_empty_log(tmp_path: Path) -> None:
    assert "the log is empty" in broken(tmp_path, "events.csv", HEADER.decode())
    assert "the file is empty" in broken(tmp_path, "events.csv", "")


def test_check_only_bad_rows(tmp_path: Path) -> None:
    message = broken(tmp_path, "events.csv", HEADER.decode() + "u1,i1,x,buy,2,tv\n")
    assert (
        "every row was rejected" in message
        and "row 2: column 'timestamp' is not a number" in message
    )


def test_check_milliseconds_read_as_seconds(tmp_path: Path) -> None:
    message = broken(tmp_path, "events.csv", HEADER.decode() + "u1,i1,1600000000000,buy,2,tv\n")
    assert "check events.timestamp_unit. Received: '1600000000000'" in message


def test_check_no_event_before_the_cut_off(tmp_path: Path) -> None:
    split = {"validation_from": "2001-01-01", "test_from": "2002-01-01"}
    assert "no event comes before split.validation_from, 2001-01-01" in broken(
        tmp_path, "users.csv", "user_id,age\n", split=split
    )


def test_check_missing_file(tmp_path: Path) -> None:
    spec = small_spec().with_data_dir(str(tmp_path))
    with pytest.raises(DataError, match="events.csv: no such file, for events.path"):
        check_sources(spec)


def test_titles(tmp_path: Path) -> None:
    spec = write_small_dataset(tmp_path)
    assert read_titles(spec)["i7"] == "Item 7"
    assert read_titles(spec.model_copy(update={"items": None})) == {}


@pytest.mark.parametrize("is_reversed", [False, True])
def test_of_several_titles_the_first_in_order_or_the_latest_is_taken(
    tmp_path: Path, is_reversed: bool
) -> None:
    rows: list[tuple[object, ...]] = [
        ("a", "Two", 5),
        ("a", "One", 7),
        ("a", "", 9),
        ("b", "", 5),
        ("c", "Same", 5),
    ]
    rows += [("c", "Same", 6), ("d", "Old", 3), ("d", "", "soon"), ("", "No key", 4)]
    if is_reversed:
        rows.reverse()
    lines = ["item_id,name,since,tags,weight", *(f"{','.join(map(str, row))},,1" for row in rows)]
    (tmp_path / "items.csv").write_text("\n".join(lines))
    items = {"format": "csv", "path": "items.csv", "key": "item_id", "title": "name"}
    spec = small_spec(items=items).with_data_dir(str(tmp_path))
    assert read_titles(spec) == {"a": "One", "b": "", "c": "Same", "d": "Old"}
    table = title_table(spec)
    assert table is not None and table.conflicts.keys == 1
    counts = title_conflicts(spec, table)
    assert counts["conflicting_keys", "titles"] == 1
    assert counts["conflict_examples", "titles", "item_id", "a", "name", "One", "Two"] == 1
    spec = small_spec(items=items | {"timestamp": "since"}).with_data_dir(str(tmp_path))
    table = title_table(spec)
    assert table is not None and not title_conflicts(spec, table)
    assert read_titles(spec) == {"a": "", "b": "", "c": "Same", "d": "Old"}
