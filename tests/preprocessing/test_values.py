"""A value is read as it would be alone: whatever stands beside it, whatever type a file gives
it."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from preprocessing.errors import DataError
from preprocessing.sources.columns import Checked, Column
from preprocessing.sources.json_values import parse_json, parser_for
from preprocessing.sources.message import parse_event
from preprocessing.sources.nested import batch_of
from preprocessing.sources.normal import normal_array
from preprocessing.sources.parse import parse_batch
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from tests.preprocessing.parts import good_rows, rejected_rows
from tests.testing import Row, small_spec

KINDS: tuple[Checked, ...] = ("id", "text", "number", "time", "multivalent")
NAMES: tuple[str, ...] = KINDS  # of the columns, each named after its kind
COLUMNS = tuple(Column(kind, kind, kind, "a test") for kind in KINDS)
TEXT = st.sampled_from(
    ["", " ", "a", "a|b", "a||b", "7", "7.0", " 7 ", "1e3", "true", "False", "nan", "-inf", "x|"]
)
NUMBERS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e16, 2.0**53, 2.0**64, 1e22, 1e300, 4.0, 0.1]),
)
SINGLE = st.one_of(st.none(), TEXT, NUMBERS)
VALUES = st.one_of(
    SINGLE, st.lists(SINGLE, max_size=3), st.dictionaries(st.sampled_from("ab"), SINGLE, max_size=1)
)


def outcomes(raw: RawBatch) -> list[tuple[Any, ...] | str]:
    """Each row's values, or the reason of its rejection."""
    good, rejected = parse_batch(raw, COLUMNS, "events", "a file")
    reasons = {row.row: row.reason for row in rejected}
    kept = iter(good.to_pylist())
    found: list[tuple[Any, ...] | str] = []
    for number in raw.numbers.tolist():
        if number in reasons:
            found.append(reasons[number])
        else:
            found.append(tuple(map(repr, next(kept).values())))
    return found


def of_objects(rows: list[Row]) -> list[tuple[Any, ...] | str]:
    return outcomes(batch_of(rows, np.arange(len(rows)), COLUMNS)[0])


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(KINDS, VALUES)), min_size=1, max_size=6))
def test_json_values_do_not_depend_on_their_neighbours(rows: list[Row]) -> None:
    alone: list[tuple[Any, ...] | str] = []
    for row in rows:
        alone += of_objects([row])
    assert of_objects(rows) == alone


@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(KINDS, TEXT)), min_size=1, max_size=6))
def test_text_does_not_depend_on_its_neighbours(rows: list[Row]) -> None:
    def of_text(some: list[Row]) -> list[tuple[Any, ...] | str]:
        columns: dict[str, pa.Array] = {}
        for name in NAMES:
            columns[name] = pa.array([row[name] for row in some], pa.string())
        return outcomes(RawBatch(columns, dict.fromkeys(NAMES, ""), np.arange(len(some))))

    alone: list[tuple[Any, ...] | str] = []
    for row in rows:
        alone += of_text([row])
    assert of_text(rows) == alone


@given(NUMBERS)
@example(2**63)
@example(2**64)
@example(-(2**63))
@example(-(2**63) - 1)
def test_a_json_number_reads_back_exactly(number: float) -> None:
    text = json.dumps({"n": number}).encode()
    for parsed in (parse_json(text), parser_for(text)(text)):
        assert parsed == {"n": number} and type(parsed["n"]) is type(number)


def spec_of(path: Path, **events: Any) -> DatasetSpec:
    """Reads `user_id`, `item_id`, `timestamp`, `n` (a number) and `tags` (a list)."""
    return small_spec(
        events={"format": path.suffix[1:], "path": str(path)} | events,
        items=None,
        users=None,
        features={"item": {"tags": {"kind": "multivalent"}}},
        tasks={"click": {"column": "n", "equals": 1}},
    )


def read(spec: DatasetSpec) -> tuple[list[Row], list[tuple[int, str]]]:
    parts = list(read_table(spec, "events", spec.events.paths[0]))
    rejected = sorted((row.row, row.reason) for row in rejected_rows(parts))
    return good_rows(parts), rejected


def write_json(path: Path, rows: list[Row]) -> DatasetSpec:
    defaults = {"user_id": "u", "item_id": "i", "timestamp": 5, "n": 1, "tags": []}
    path.write_text("\n".join(json.dumps(defaults | row) for row in rows))
    return spec_of(path)


def test_one_odd_value_changes_no_other(tmp_path: Path) -> None:
    rows: list[Row] = [{"tags": ["a", "b"]}] * 239 + [
        {"tags": "c"},
        {"tags": [1, "d", None, 2.0]},
        {"tags": [["a"]]},
    ]
    good, bad = read(write_json(tmp_path / "log.jsonl", rows))
    assert [row["multivalent:tags"] for row in good] == ["a|b"] * 239 + ["c", "1|d|2"]
    assert bad == [(242, "not_one_value")]


def test_integers_of_any_length_stay_apart(tmp_path: Path) -> None:
    users = [12345678901234567890123 + n for n in range(8)] + [2**63, 2**64 - 1, 2**64]
    good, bad = read(write_json(tmp_path / "log.jsonl", [{"user_id": user} for user in users]))
    assert [row["user"] for row in good] == list(map(str, users)) and bad == []


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_whole_floats_are_written_in_digits(tmp_path: Path, name: str) -> None:
    ids = [4.0, 2.0**53, 9007199254740994.0, 1e16, 2.0**64, 1e22, 2.5]
    rows = [{"user_id": n, "item_id": "i", "timestamp": 5, "n": 1, "tags": []} for n in ids]
    path = tmp_path / name
    spec = write_json(path, rows)
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    good, bad = read(spec)
    digits = [
        "4",
        "9007199254740992",
        "9007199254740994",
        "10000000000000000",
        "18446744073709551616",
    ]
    assert [row["user"] for row in good] == [
        *digits,
        "10000000000000000000000",
        "2.5",
    ] and bad == []


def test_true_is_one_in_every_format_and_company(tmp_path: Path) -> None:
    good, bad = read(
        write_json(tmp_path / "a.jsonl", [{"n": n} for n in (True, 0, "true", "False", 1.0, "yes")])
    )
    assert [row["number:n"] for row in good] == [1, 0, 1, 0, 1] and bad == [(6, "not_a_number")]
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,timestamp,n,tags\nu,i,5,true,\nu,i,5,0,\nu,i,5,TRUE,\n"
    )
    good, bad = read(spec_of(tmp_path / "log.csv"))
    assert [row["number:n"] for row in good] == [1, 0, 1] and bad == []


def test_numbers_that_records_can_not_hold_are_rejected(tmp_path: Path) -> None:
    good, bad = read(
        write_json(
            tmp_path / "log.jsonl", [{"n": n} for n in (1e300, 3e38, -1e39, "1e39", 10**400)]
        )
    )
    assert [row["number:n"] for row in good] == [3e38]
    assert bad == [(row, "not_finite") for row in (1, 3, 4, 5)]


def test_python_s_nan_and_infinity_are_rejected_where_a_number_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    spec = write_json(
        path, [{"n": float("nan")}, {"n": float("inf")}, {"n": 1, "other": float("nan")}]
    )
    good, bad = read(spec)
    assert len(good) == 1 and bad == [(1, "not_finite"), (2, "not_finite")]


@pytest.mark.parametrize("number", ["1e400", "-1E+400", "12e308"])
@pytest.mark.parametrize("company", ["1", "1" + 30 * "0"])
def test_a_number_that_no_float_holds_is_rejected_where_a_number_is_needed(
    number: str, company: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    spec = write_json(path, [{"n": "NUMBER"}, {"n": 1, "other": "NUMBER"}, {"other": "COMPANY"}])
    text = path.read_text().replace('"NUMBER"', number).replace('"COMPANY"', company)
    path.write_text(text)
    good, bad = read(spec)
    assert len(good) == 2 and bad == [(1, "not_finite")]


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
@pytest.mark.parametrize("unit", ["s", "iso"])
def test_text_columns_with_an_absent_value(tmp_path: Path, name: str, unit: str) -> None:
    at = "1970-01-01T00:00:05Z" if unit == "iso" else "5"
    whole: Row = {"user_id": "u", "item_id": "i", "timestamp": at, "n": "1", "tags": "a"}
    rows = [whole, whole, whole | {"n": None, "tags": None}, whole | {"timestamp": None}]
    path = tmp_path / name
    write_json(path, rows)
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
    good, bad = read(spec_of(path, timestamp_unit=unit))
    assert [(row["time"], row["multivalent:tags"]) for row in good] == [(5, "a"), (5, "a"), (5, "")]
    assert np.isnan(good[2]["number:n"]) and bad == [(4, "missing_timestamp")]


def parquet(path: Path, **columns: Any) -> DatasetSpec:
    rows = len(next(iter(columns.values())))
    defaults = {
        "user_id": ["u"] * rows,
        "item_id": ["i"] * rows,
        "timestamp": [5] * rows,
        "n": [1] * rows,
    }
    pq.write_table(pa.table(defaults | {"tags": ["t"] * rows} | columns), path)
    return spec_of(path)


def test_entries_of_lists(tmp_path: Path) -> None:
    lists = [["a", None, "b"], ["", "c"], [None], [], None, ["a|b", "c"]]
    for kind in (pa.list_(pa.string()), pa.large_list(pa.large_string())):
        good, bad = read(parquet(tmp_path / "log.parquet", tags=pa.array(lists, kind)))
        assert [row["multivalent:tags"] for row in good] == ["a|b", "c", "", "", ""]
        assert bad == [(6, "separator_in_entry")]
    fixed = pa.array([["a", "b"], [None, "c"]], pa.list_(pa.string(), 2))
    good, bad = read(parquet(tmp_path / "log.parquet", tags=fixed))
    assert [row["multivalent:tags"] for row in good] == ["a|b", "c"] and bad == []


def test_plain_arrays_have_the_same_values() -> None:
    lists = [["a", "b"], None, [None, "c"], ["d", "e"]]
    for kind in (pa.list_(pa.string(), 2), pa.large_list(pa.string())):
        assert normal_array(pa.array(lists, kind).slice(1)).to_pylist() == lists[1:]
    halves = pa.array([np.float16(0.5), None], pa.float16())
    assert normal_array(halves).type == pa.float32() and normal_array(halves).to_pylist() == [
        0.5,
        None,
    ]


def test_types_that_writers_choose(tmp_path: Path) -> None:
    ids = [uuid.UUID(int=n) for n in (5, 2**127)]
    columns: Row = {
        "user_id": pa.array([b"user-00000000001", ids[1].bytes], pa.binary(16)),
        "item_id": pa.array([decimal.Decimal("7.00"), decimal.Decimal("7.50")]),
        "n": pa.array([0.5, 1], pa.float32()),
        "tags": pa.array(["a", "b"]).dictionary_encode(),
        "timestamp": pa.array([datetime.datetime(1970, 1, 1, 0, 0, 5)] * 2, pa.timestamp("ns")),
    }
    good, bad = read(parquet(tmp_path / "log.parquet", **columns))
    assert [tuple(row.values()) for row in good] == [("user-00000000001", "7", 5, "a", 0.5)]
    assert bad == [(2, "undecodable")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_id": [datetime.timedelta(1)]}, "column 'user_id' holds values of type duration"),
        ({"user_id": [["a"]]}, "column 'user_id' holds values of type list"),
        ({"n": [{"a": 1}]}, "column 'n' holds values of type struct"),
        (
            {"timestamp": [datetime.timedelta(1)]},
            "column 'timestamp' holds values of type duration",
        ),
    ],
)
def test_types_that_can_not_be_read_are_named_with_their_file(
    tmp_path: Path, columns: Row, message: str
) -> None:
    spec = parquet(
        tmp_path / "log.parquet", **{name: pa.array(values) for name, values in columns.items()}
    )
    with pytest.raises(DataError, match=f"log.parquet: {message}"):
        read(spec)


@pytest.mark.parametrize("name", ["log.parquet", "log.csv"])
def test_a_column_that_is_there_twice_is_refused_if_it_is_read(tmp_path: Path, name: str) -> None:
    names = ["user_id", "item_id", "timestamp", "n", "tags", "other", "other"]
    path = tmp_path / name
    for twice in (False, True):
        header = ["n" if twice and column == "other" else column for column in names]
        if name.endswith("csv"):
            path.write_text(",".join(header) + "\nu,i,5,1,,a,b\n")
        else:
            values = [pa.array([value]) for value in ("u", "i", 5, 1, "", "a", "b")]
            pq.write_table(pa.Table.from_arrays(values, header), path)
        spec = spec_of(path)
        if twice:
            with pytest.raises(
                DataError, match=r"3 columns are called 'n', which tasks\.click needs"
            ):
                read(spec)
        else:
            assert [row["number:n"] for row in read(spec)[0]] == [1]


def test_words_that_mean_none_are_absent_numbers_and_words_elsewhere() -> None:
    texts = ["NULL", " NULL ", "null", "\\N", "nan", "-", "7", ""]
    ones = pa.array(["1"] * len(texts))
    values = pa.array(texts)
    columns = {"id": ones, "text": values, "number": values, "time": ones, "multivalent": values}
    raw = RawBatch(columns, dict.fromkeys(NAMES, ""), np.arange(len(texts)))
    good, rejected = parse_batch(raw, COLUMNS, "items", "a file", absent=("NULL", "\\N", "nan"))
    assert [(row.row, row.reason) for row in rejected] == [(2, "not_a_number"), (5, "not_a_number")]
    assert all("name it in items.absent. Received:" in row.message for row in rejected)
    assert good["text"].to_pylist() == ["NULL", " NULL ", "\\N", "nan", "7", ""]
    assert list(map(repr, good["number"].to_pylist())) == ["nan"] * 4 + ["7.0", "nan"]
    _, rejected = parse_batch(raw, COLUMNS, "items", "a file")
    reasons = ["not_a_number"] * 4 + ["not_finite", "not_a_number"]
    assert [row.reason for row in rejected] == reasons


def test_absent_words_are_left_out_of_numbers_of_messages_and_other_formats(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"u": 1, "i": 2, "t": 3, "price": "n/a"}\n')
    events = {"format": "jsonl", "path": "log.jsonl", "user": "u", "item": "i", "timestamp": "t"}
    spec = small_spec(
        events=events | {"absent": ["n/a"]},
        features={"item": {"price": {"kind": "numeric", "table": "events"}}},
        tasks={"dear": {"column": "price", "at_least": 2}},
        users=None,
        items=None,
    )
    spec = spec.with_data_dir(str(tmp_path))
    (table,) = read_table(spec, "events", str(tmp_path / "log.jsonl"))
    assert isinstance(table, pa.Table) and np.isnan(table["number:price"][0].as_py())
    from_message, rejected = parse_event(spec, (tmp_path / "log.jsonl").read_bytes())
    assert not rejected and from_message is not None
    assert np.isnan(from_message["number:price"][0].as_py())
