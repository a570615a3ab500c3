"""A job reads a file that is cut into sections once, and numbers rejected rows as in the file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.testing.util import assert_that, equal_to

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.blocks import line_sections
from preprocessing.sources.read import BATCHES, REJECTED, ReadTable, read_table
from preprocessing.spec import DatasetSpec
from tests.preprocessing.parts import good_rows, rejected_rows
from tests.testing import small_spec

SECTION_BYTES = 3000
ROWS = 2000


def spec_of(path: Path, **events: Any) -> DatasetSpec:
    return small_spec(
        events={"path": str(path), **events},
        items=None,
        users=None,
        features={},
        tasks={"click": {"column": "n", "equals": 1}},
    )


def json_lines(path: Path) -> DatasetSpec:
    """Blank lines among the rows, and a bad row now and then."""
    lines: list[str] = []
    for n in range(ROWS):
        time = "" if n % 97 == 5 else 1_600_000_000 + n
        row = f'{{"user_id": {n}, "item_id": "i", "timestamp": {time}, "n": 1}}'
        lines.append("" if n % 31 == 0 else row)
    path.write_text("\n".join(lines))
    return spec_of(path, format="jsonl")


def csv(path: Path) -> DatasetSpec:
    """The same of text, with a header after a blank line."""
    lines = ["", "user_id,item_id,timestamp,n"]
    for n in range(ROWS):
        time = "soon" if n % 97 == 5 else 1_600_000_000 + n
        row = f"{n},i,{time}" + ("" if n % 53 == 7 else ",1")
        lines.append("" if n % 31 == 0 else row)
    path.write_text("\n".join(lines))
    return spec_of(path, format="csv", quotes=False)


class CountedFile(io.FileIO):
    """A file that adds up how many bytes are read of all of its kind."""

    bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size) or b""
        CountedFile.bytes_read += len(found)
        return found


def read_in_sections(spec: DatasetSpec, rejected: list[RejectedRow], good: list[str]) -> None:
    with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
        found = pipeline | ReadTable(spec, "events")
        users = found[BATCHES] | beam.FlatMap(lambda rows: rows.column("user").to_pylist())
        assert_that(users, equal_to(good), label="good rows")
        assert_that(found[REJECTED], equal_to(rejected), label="rejected rows")


@pytest.mark.parametrize("write", [json_lines, csv])
def test_rejected_rows_have_the_file_s_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    spec = write(tmp_path / "log")
    parts = list(read_table(spec, "events", str(tmp_path / "log")))
    users = [row["user"] for row in good_rows(parts)]
    assert len(rejected_rows(parts)) > 15
    monkeypatch.setattr(line_sections, "__defaults__", (SECTION_BYTES,))
    assert len(line_sections(str(tmp_path / "log"))) > 10
    read_in_sections(spec, rejected_rows(parts), users)


def test_what_is_read_grows_with_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    spec = json_lines(path)
    parts = list(read_table(spec, "events", str(path)))
    users = [row["user"] for row in good_rows(parts)]
    monkeypatch.setattr(line_sections, "__defaults__", (SECTION_BYTES,))
    monkeypatch.setattr(FileSystems, "open", lambda name, **_: CountedFile(name))
    CountedFile.bytes_read = 0
    read_in_sections(spec, rejected_rows(parts), users)
    # Once, and a line at each place where it is cut.
    assert CountedFile.bytes_read < 1.2 * path.stat().st_size
