"""A file that breaks off or can't be opened fails the run, unless the spec names it; then what is
lost is counted."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing.errors import DataError
from preprocessing.quarantine import check_quarantine, lost_rows, read_report
from preprocessing.sources import avro, files
from preprocessing.sources.check import check_sources
from preprocessing.sources.read import read_table
from preprocessing.spec import DatasetSpec
from preprocessing.validation import validate
from tests.preprocessing.parts import rejected_rows
from tests.testing import Row, run_job, small_spec


def row(n: int) -> Row:
    return {
        "user_id": f"u{n * 7919 % 997}",
        "item_id": f"i{n}",
        "timestamp": 1_600_000_000 + n * 600,
        "action": "buy",
    }


ROWS = [row(n) for n in range(4000)]


def spec_of(path: Path, format: str, **changes: Any) -> DatasetSpec:
    return small_spec(
        events={"format": format, "path": str(path)} | changes,
        items=None,
        users=None,
        features={},
        tasks={"buy": {"column": "action", "equals": "buy"}},
        split={},
    )


def write(path: Path, rows: list[Row], format: str) -> None:
    if format == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
    elif format == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=500, compression="gzip")
    else:
        types = dict.fromkeys(rows[0], "string") | {"timestamp": "long"}
        fields = [{"name": name, "type": kind} for name, kind in types.items()]
        with path.open("wb") as stream:
            fastavro.writer(
                stream, {"type": "record", "name": "E", "fields": fields}, rows, sync_interval=1000
            )


def damage(path: Path) -> None:
    """Puts zeros into the middle of a file."""
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(2000) + content[middle + 2000 :])


SUFFIXES = {"csv": "csv.gz", "parquet": "parquet", "avro": "avro"}


@pytest.mark.slow
@pytest.mark.parametrize("format", sorted(SUFFIXES))
def test_half_a_lost_file_is_no_bad_row(tmp_path: Path, format: str) -> None:
    suffix = SUFFIXES[format]
    for name, rows in (("1", ROWS[:2000]), ("2", ROWS[2000:])):
        write(tmp_path / f"{name}.{suffix}", rows, format)
    damage(tmp_path / f"2.{suffix}")
    spec = spec_of(tmp_path, format)
    problems = validate(spec).problems
    found = [problem for problem in problems if f"2.{suffix}: the file" in problem]
    assert found and "may_break_off" in found[0], problems
    named = spec_of(tmp_path, format, may_break_off=[f"2.{suffix}"])
    assert any("rows would be rejected" in problem for problem in validate(named).problems)
    tolerant = named.model_copy(update={"max_bad_rows": 0.6})
    assert not any("rejected" in problem for problem in validate(tolerant).problems)


@pytest.mark.slow
def test_the_job_fails_or_counts_what_is_lost(tmp_path: Path) -> None:
    for name, rows in (("1", ROWS[:2000]), ("2", ROWS[2000:])):
        write(tmp_path / f"{name}.parquet", rows, "parquet")
    (tmp_path / "2.parquet").write_bytes((tmp_path / "2.parquet").read_bytes()[:-20])
    with pytest.raises(Exception, match="not a whole Parquet file"):  # Beam raises it as another
        run_job(spec_of(tmp_path, "parquet"), tmp_path / "out", shards=2)
    spec = spec_of(tmp_path, "parquet", may_break_off=["2.parquet"])
    check_sources(spec)
    run_job(spec, tmp_path / "out", shards=2)
    report = read_report(str(tmp_path / "out"))
    assert report["rows"]["events"] == {"read": 2001, "rejected": {"truncated": 1}}
    size = report["bytes"]["events"]
    assert 1900 < lost_rows(2001, size["read"], size["lost"]) < 2100
    with pytest.raises(
        DataError, match=r"table events .* max_bad_rows allows 1\.00%.*after the breaks of files"
    ):
        check_quarantine(spec, str(tmp_path / "out"))


def test_a_file_that_can_not_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "1.csv.gz", ROWS, "csv")
    write(tmp_path / "2.csv.gz", ROWS, "csv")
    opened = files.FileSystems.open

    def refuse(path: str, **options: Any) -> Any:
        if "2.csv" in path:
            raise PermissionError(13, "Permission denied")
        return opened(path, **options)

    monkeypatch.setattr(files.FileSystems, "open", refuse)
    with pytest.raises(
        DataError, match=r"2\.csv\.gz: can't be opened: Permission denied.*events\.may_break_off"
    ):
        check_sources(spec_of(tmp_path, "csv"))
    named = spec_of(tmp_path, "csv", may_break_off=["2.csv.gz"])
    check_sources(named)
    (rejected,) = rejected_rows(read_table(named, "events", str(tmp_path / "2.csv.gz")))
    assert rejected.reason == "truncated"


def test_a_codec_that_is_not_installed_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "log.avro", ROWS, "avro")
    content = (tmp_path / "log.avro").read_bytes()
    (tmp_path / "log.avro").write_bytes(content.replace(b"\x08null", b"\x0csnappy", 1))
    monkeypatch.setattr(avro.importlib.util, "find_spec", lambda name: None)
    spec = spec_of(tmp_path / "log.avro", "avro", may_break_off=["*"])
    with pytest.raises(
        DataError,
        match="compressed by snappy, which needs another package. Run: pip install cramjam",
    ):
        check_sources(spec)


def test_lost_rows_are_estimated_by_bytes() -> None:
    assert lost_rows(rows=1000, file_bytes=4000, lost_bytes=1000) == 333
    assert lost_rows(rows=1000, file_bytes=4000, lost_bytes=0) == 0
    assert lost_rows(rows=1, file_bytes=4000, lost_bytes=4000) == 0
