"""A corpus of bad input: each file ends in quarantine with its reason or in a named error, and good
rows all arrive."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pydantic
import pytest
import zstandard

from preprocessing.errors import BrokenFileError, DataError
from preprocessing.quarantine import read_report
from preprocessing.sources.check import check_sources
from preprocessing.sources.files import files_of
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.validation import validate
from tests.testing import run_job, small_spec

HEADER = b"user_id,item_id,timestamp,action,price\n"
DAY = 86_400


def good_rows(count: int, first: int = 0) -> list[bytes]:
    rows: list[bytes] = []
    for n in range(first, first + count):
        rows.append(b"u%d,i%d,%d,buy,2.5" % (n * 7919 % 997, n, 1_600_000_000 + n * 600))
    return rows


def spec_of(path: Path, **events: Any) -> DatasetSpec:
    return small_spec(
        events={"format": "csv", "path": str(path)} | events,
        items=None,
        users=None,
        features={},
        split={},
        max_bad_rows=1,
    )


def outcome(spec: DatasetSpec) -> tuple[set[int], Counter[str]]:
    """The items (good row n has item n) that arrive, and how many rows are rejected for which
    reason."""
    items: list[int] = []
    reasons: Counter[str] = Counter()
    for path in files_of(spec.events, "events"):
        for part in read_table(spec, "events", path):
            if isinstance(part, list):
                reasons.update(row.reason for row in part)
            else:
                items += [int(item[1:]) for item in part.column("item").to_pylist()]
    assert len(items) == len(set(items))
    return set(items), reasons


ODD_ROWS = {
    "embedded newline": (b'u1,"i7\n7",1600000000,buy,1', "line_break"),
    "stray quote": (b'u1,"i7,1600000000,buy,1', "unclosed_quote"),
    "wrong encoding": (b"M\xfcller,i7,1600000000,buy,1", "undecodable"),
    "zero byte in a name": (b"u\x001,i7,1600000000,buy,1", None),
    "NaN": (b"u1,i7,1600000000,buy,nan", "not_finite"),
    "infinity": (b"u1,i7,1600000000,buy,-Infinity", "not_finite"),
    "negative time": (b"u1,i7,-1600000000,buy,1", "negative_timestamp"),
    "milliseconds among seconds": (b"u1,i7,1600000000000,buy,1", "timestamp_out_of_range"),
    "missing user": (b",i7,1600000000,buy,1", "missing_user"),
    "missing item": (b"u1,,1600000000,buy,1", "missing_item"),
    "10 MB field": (b"u1,i7,1600000000,buy," + b"9" * 10_000_000, "unreadable"),
    "10 MB in quotes": (b'u1,"' + b"i\n" * 5_000_000 + b'",1600000000,buy,1', "unclosed_quote"),
    "too few fields": (b"u1,i7,1600000000", "field_count"),
    "too many fields": (b"u1,i7,1600000000,buy,1,1", "field_count"),
}


@pytest.mark.parametrize("name", sorted(set(ODD_ROWS) - {"zero byte in a name", "10 MB in quotes"}))
def test_bad_row_among_many_good_ones(tmp_path: Path, name: str) -> None:
    row, reason = ODD_ROWS[name]
    rows = good_rows(5000)
    (tmp_path / "log.csv").write_bytes(
        HEADER + b"\n".join([*rows[:3000], row, *rows[3000:]]) + b"\n"
    )
    assert outcome(spec_of(tmp_path / "log.csv")) == (set(range(5000)), Counter([reason]))


def test_embedded_newline_is_part_of_its_value(tmp_path: Path) -> None:
    rows = good_rows(100)
    odd = b'"u1\n1",i777,1600000000,buy,1'
    (tmp_path / "log.csv").write_bytes(HEADER + b"\n".join([*rows[:50], odd, *rows[50:]]))
    path = tmp_path / "log.csv"
    part = next(iter(read_table(spec_of(path), "events", str(path))))
    assert isinstance(part, pa.Table)
    assert part.num_rows >= 100 and "u1\n1" in part.column("user").to_pylist()


def test_ten_megabytes_in_quotes_cost_no_good_row(tmp_path: Path) -> None:
    row = b'u1,"' + (b"i" * 99 + b"\n") * 100_000 + b'",1600000000,buy,1'
    rows = good_rows(2000)
    (tmp_path / "log.csv").write_bytes(
        HEADER + b"\n".join([*rows[:1000], row, *rows[1000:]]) + b"\n"
    )
    items, reasons = outcome(spec_of(tmp_path / "log.csv"))
    assert items == set(range(2000))
    assert reasons["unclosed_quote"] >= 1 and set(reasons) == {"unclosed_quote", "field_count"}


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "GZ": gzip.compress,
    "bz2": bz2.compress,
    "zst": zstandard.compress,
    "xz": lzma.compress,
}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", sorted(COMPRESS))
def test_truncated_file_gives_what_is_before_the_break(tmp_path: Path, suffix: str) -> None:
    content = COMPRESS[suffix](HEADER + b"\n".join(good_rows(60_000)) + b"\n")
    path = tmp_path / f"log.csv.{suffix}"
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(
        BrokenFileError,
        match=f"log.csv.{suffix}: the file breaks off at row .*events.may_break_off",
    ):
        outcome(spec_of(path))
    items, reasons = outcome(spec_of(path, may_break_off=["log.*"]))
    assert reasons == Counter(["truncated"])
    assert items == set(range(len(items))) and len(items) > 20_000
    path.write_bytes(b"not compressed at all\n")
    with pytest.raises(DataError, match=f"log.csv.{suffix}: the header can't be read"):
        check_sources(spec_of(path))


def test_a_wrong_unit_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(HEADER + b"\n".join(good_rows(2000)))
    assert not any("1980" in warning for warning in validate(spec_of(path)).warnings)
    (warning,) = [w for w in validate(spec_of(path, timestamp_unit="ms")).warnings if "1980" in w]
    assert "all times are before 1980" in warning and "With timestamp_unit: s" in warning


def test_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(
        (HEADER + b"\n".join(good_rows(5))).decode().encode("utf-16")
    )
    with pytest.raises(DataError, match=r"log\.csv: this is UTF-16 text\. Convert it to UTF-8"):
        check_sources(spec_of(tmp_path / "log.csv"))


def test_empty_files_are_named_alone_and_among_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.csv: no column 'user_id'.*nothing: the file is empty"):
        check_sources(spec_of(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_bytes(HEADER + b"\n".join(good_rows(5)))
    with pytest.raises(DataError, match=r"a\.csv: no column 'user_id'"):
        check_sources(spec_of(tmp_path / "*.csv"))


def test_schema_change_between_files(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(HEADER + b"\n".join(good_rows(100)))
    moved = [b",".join(reversed(row.split(b","))) for row in good_rows(100, first=100)]
    (tmp_path / "2.csv").write_bytes(
        b"price,action,timestamp,item_id,user_id\n" + b"\n".join(moved)
    )
    assert outcome(spec_of(tmp_path / "*.csv")) == (set(range(200)), Counter())
    (tmp_path / "3.csv").write_bytes(
        b"user_id,item,timestamp,action,price\n" + b"\n".join(good_rows(100, first=200))
    )
    with pytest.raises(DataError, match=r"3\.csv: no column 'item_id'.*Did you mean 'item'\?"):
        check_sources(spec_of(tmp_path / "*.csv"))
    assert validate(spec_of(tmp_path / "*.csv")).tables[0].rows == 200


@pytest.mark.slow
def test_everything_at_once_through_the_beam_job(tmp_path: Path) -> None:
    odd: list[bytes] = []
    for name, (row, _) in ODD_ROWS.items():
        if "10 MB" not in name and name != "zero byte in a name":
            odd.append(row)
    rows = good_rows(3000)
    places = range(100, 3000, 200)
    for place, row in reversed(list(zip(places, odd, strict=False))):
        rows.insert(place, row)
    (tmp_path / "1.csv").write_bytes(HEADER + b"\n".join(rows) + b"\n")
    whole = gzip.compress(HEADER + b"\n".join(good_rows(2000, first=3000)) + b"\n")
    (tmp_path / "2.csv.gz").write_bytes(whole[:-9])
    spec = spec_of(tmp_path / "*.csv*", may_break_off=["2.csv.gz"])
    run_job(spec, tmp_path, shards=2)
    events = read_report(str(tmp_path))["rows"]["events"]
    expected = Counter(["truncated"])
    for row, reason in ODD_ROWS.values():
        if row in odd and reason:
            expected[reason] += 1
    assert events["rejected"] == expected
    good = events["read"] - sum(events["rejected"].values())
    assert (
        4900 < good <= 5001
    )  # the embedded newline is a good row, the truncated file's last rows are lost


@pytest.mark.parametrize("name", ["../evil", "a/b", "Shop", "", "shop\n", "shop "])
def test_names_that_could_leave_the_runs_folder_are_refused(name: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="name"):
        small_spec(name=name)
