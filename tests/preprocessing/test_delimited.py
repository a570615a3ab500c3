"""The fast reader of delimited text gives what the careful one gives, wherever blocks, sections and
quotes fall."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from preprocessing.quarantine import RejectedRow
from preprocessing.sources import delimited
from preprocessing.sources.blocks import count_lines, line_sections
from preprocessing.sources.columns import Column
from preprocessing.sources.delimited import read_batches, read_header
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_tables import Table

COLUMNS = (Column("a", "a", "text", "a"), Column("c", "c", "text", "c"))
Rows = tuple[list[tuple[int, str, str]], list[tuple[int, str]]]


def read(
    path: Path, table: Table, block_bytes: int = 1 << 22, sections: list[Section] | None = None
) -> Rows:
    """(number, a, c) of the good rows and (number, reason) of the others, in the order of their
    numbers in the file."""
    good = []
    bad = []
    before = 0  # how many rows earlier sections have
    for section in sections or [Section(str(path))]:
        for part in read_batches(section, table, "events", COLUMNS, None, block_bytes):
            if isinstance(part, SectionRows):
                before += part.rows
            elif isinstance(part, RejectedRow):
                bad.append((before + part.row, part.reason))
            else:
                columns = [part.columns[name].to_pylist() for name in ("a", "c")]
                numbers = before + part.numbers
                good += list(zip(numbers.tolist(), *columns, strict=True))
    return sorted(good), sorted(bad)


def read_carefully(path: Path, table: Table, block_bytes: int = 1 << 22) -> Rows:
    with mock.patch.object(delimited._Blocks, "_by_arrow", lambda self, block, ends: None):
        return read(path, table, block_bytes)


def table_of(path: Path, **keys: Any) -> Table:
    return Table.model_validate({"format": "csv", "path": str(path)} | keys)


PIECES = [
    b"a",
    b"1",
    b" ",
    b",",
    b",",
    b"\n",
    b"\n",
    b'"',
    b'""',
    b'"x,y"',
    b"\r\n",
    b"\r",
    b"\xff",
    b"\0",
]
CONTENT = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


@settings(max_examples=100)
@example(b'1,2,3\n1,"2,3\n4,5,6\n7,8,9\n', 8, True)
@example(b'1,2,"x\n3"\n4,5,6\n', 4, True)
@example(b'1,"a""\n",3\n1,2,3\n', 4, True)
@given(content=CONTENT, block_bytes=st.integers(1, 80), quotes=st.booleans())
def test_arrow_reads_what_the_careful_reader_reads(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, block_bytes: int, quotes: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "same.csv"
    path.write_bytes(b"a,b,c\n" + content)
    table = table_of(path, quotes=quotes)
    assert read(path, table) == read_carefully(path, table)
    assert read(path, table, block_bytes)[0] == read_carefully(path, table, block_bytes)[0]


CELLS = st.text(st.sampled_from('ab",\n é'), max_size=6)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=20), block_bytes=st.integers(1, 80))
def test_whatever_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], block_bytes: int
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode())
    expected = [(number, a, c) for number, (a, _, c) in enumerate(rows, start=2)]
    with mock.patch.object(delimited, "_SMALLEST_BLOCK", 0):
        assert read(path, table_of(path), block_bytes) == (expected, [])


def test_a_well_formed_file_is_read_by_arrow(tmp_path: Path) -> None:
    path = tmp_path / "quick.csv"
    path.write_bytes(b"a,b,c\n" + b'1,"x,""y""\nz",3\n' * 1000)
    with mock.patch.object(
        delimited.CarefulRows, "_batch", side_effect=AssertionError("the careful reader was used")
    ):
        good, bad = read(path, table_of(path), block_bytes=1000)
    assert (len(good), bad) == (1000, [])


def test_only_a_small_piece_around_a_bad_row_is_read_carefully(tmp_path: Path) -> None:
    path = tmp_path / "mostly.csv"
    path.write_bytes(b"a,b,c\n" + b"1,2,3\n" * 200_000 + b"1,2\n" + b"1,2,3\n" * 200_000)
    read_rows = delimited.CarefulRows.read
    with mock.patch.object(
        delimited.CarefulRows, "read", autospec=True, side_effect=read_rows
    ) as careful:
        good, bad = read(path, table_of(path))
    assert (len(good), bad) == (400_000, [(200_002, "field_count")])
    assert sum(len(call.args[1]._lines) for call in careful.call_args_list) < 12_000


def test_a_stray_quote_costs_its_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "stray.csv"
    path.write_bytes(
        b"a,b,c\n" + b"1,2,3\n" * 50_000 + b'1,"2,3\n' + b"1,2,3\n" * 50_000 + b'1,2,"3\n1,2,3\n'
    )
    good, bad = read(path, table_of(path))
    assert len(good) == 100_001
    assert bad == [(50_002, "unclosed_quote"), (100_003, "unclosed_quote")]


LINES = st.lists(st.sampled_from(["a", " ", ",", ",", '"', '""', "\\", '"x,y"']), max_size=12)


@settings(max_examples=200)
@example(['1,"ab"c,3'])
@example([r'1,"he said \"hi\"",3'])
@example(['1,"a" ,3', '1,"",""""'])
@given(lines=st.lists(LINES.map("".join), min_size=1, max_size=5))
def test_a_line_is_read_as_strict_csv_reads_it_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """For lines that leave no quote open, so that each is a row."""
    expected = []
    closed = []
    for line in lines:
        try:
            row = next(csv.reader([line], strict=True), [])
        except csv.Error as error:
            if "end of data" in str(error):
                continue
            row = []
        closed.append(line)
        if len(row) == 3:
            expected.append((len(closed) + 1, row[0], row[2]))
    path = tmp_path_factory.getbasetemp() / "strict.csv"
    path.write_text("a,b,c\n" + "".join(line + "\n" for line in closed), encoding="utf-8")
    good, _ = read(path, table_of(path))
    assert good == expected


@pytest.mark.parametrize(
    ("row", "reason", "has_hint"),
    [
        (b'1,"ab"c,3', "text_after_quote", False),
        (rb'1,"he said \"hi\"",3', "text_after_quote", True),
        (b'1,"ab" ,3', "text_after_quote", False),
        (rb'1,"19\"",3', "unclosed_quote", True),
        (b'1,2,"3', "unclosed_quote", False),
    ],
)
def test_a_malformed_quote_costs_its_row_and_says_why(
    tmp_path: Path, row: bytes, reason: str, has_hint: bool
) -> None:
    path = tmp_path / "quotes.csv"
    ends = [b'1,"a ""b""\nc",3\n' * 3, row + b"\n"]
    path.write_bytes(b"a,b,c\n" + b"".join(ends))
    (rejected,) = [
        part
        for part in read_batches(Section(str(path)), table_of(path), "events", COLUMNS, None)
        if isinstance(part, RejectedRow)
    ]
    assert (rejected.row, rejected.reason) == (5, reason)
    assert ("backslash" in rejected.message) == has_hint
    assert read(path, table_of(path)) == ([(n, "1", "3") for n in (2, 3, 4)], [(5, reason)])


@pytest.mark.parametrize("section_bytes", [1, 7, 100, 10**6])
def test_spans_are_the_whole_file_with_its_row_numbers(tmp_path: Path, section_bytes: int) -> None:
    path = tmp_path / "lines.csv"
    path.write_bytes(
        b"a,b,c\n" + b"".join(b'%d,"2,%d\n' % (n, n) for n in range(100)) + b"\n1,2\r\n1\r2,3,4"
    )
    sections = line_sections(str(path), section_bytes)
    assert [section.stop for section in sections] == [
        *(section.start for section in sections[1:]),
        None,
    ]
    assert len(sections) > 1 or section_bytes == 10**6
    table = table_of(path, quotes=False)
    assert read(path, table, sections=sections) == read(path, table)
    assert read(path, table)[1] == [(103, "field_count"), (104, "field_count")]
    assert count_lines(str(path), path.stat().st_size) == 104


def test_only_text_whose_lines_are_rows_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_sections, "__defaults__", (10,))
    for name in ("x.csv", "x.csv.gz"):
        (tmp_path / name).write_bytes(b"a,b,c\n1,2,3\n1,2,3\n")
    assert len(delimited.sections(str(tmp_path / "x.csv"), table_of(tmp_path, quotes=False))) == 2
    assert len(delimited.sections(str(tmp_path / "x.csv"), table_of(tmp_path))) == 1
    assert (
        len(delimited.sections(str(tmp_path / "x.csv.gz"), table_of(tmp_path, quotes=False))) == 1
    )


def test_long_delimiter_names_and_encoding(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_bytes('1::Café "x": y::Drama\n2::B::\n3::only\n'.encode("latin-1"))
    table = table_of(path, delimiter="::", columns=("a", "b", "c"), encoding="latin-1")
    assert read(path, table) == ([(1, "1", "Drama"), (2, "2", "")], [(3, "field_count")])
    columns = (Column("b", "b", "text", "b"),)
    parts = read_batches(Section(str(path)), table, "items", columns, None)
    (batch,) = [part for part in parts if isinstance(part, RawBatch)]
    assert batch.columns["b"].to_pylist() == ['Café "x": y', "B"]
    assert batch.columns["b"].type == pa.string() and np.array_equal(batch.numbers, [1, 2])


@pytest.mark.parametrize("blank", ["\n", "\n\n", "\r\n", "  \n\n"])
@pytest.mark.parametrize("quotes", [True, False])
def test_blank_lines_before_the_header_are_no_header(
    tmp_path: Path, blank: str, quotes: bool
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{blank}a,b,c\n\n1,2,3\n4,5\n6,7,8\n", newline="")
    table = table_of(path, quotes=quotes)
    assert read_header(str(path), table).names == ("a", "b", "c")
    before = blank.count("\n")
    good = [(before + 3, "1", "3"), (before + 5, "6", "8")]
    expected = good, [(before + 4, "field_count")]
    assert read(path, table) == read_carefully(path, table) == expected
    assert read(path, table, sections=line_sections(str(path), 6)) == expected


def test_blank_lines_alone_are_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n \n")
    assert not any(read_header(str(path), table_of(path)).names)
