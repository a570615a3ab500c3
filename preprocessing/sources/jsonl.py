"""Reads JSON lines: one object per line."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator

import numpy as np

from preprocessing.errors import DataError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.blocks import BLOCK_BYTES, line_sections, open_blocks
from preprocessing.sources.columns import Column
from preprocessing.sources.file_types import json_layout
from preprocessing.sources.json_values import parse_json, parser_for, problem_of
from preprocessing.sources.nested import Row, batch_of, names_of
from preprocessing.sources.raw import Header, RawBatch
from preprocessing.sources.repeated_keys import RepeatedKeys
from preprocessing.sources.section import Section, SectionRows
from preprocessing.spec_sources import TextFiles
from preprocessing.spec_tables import Explode, Table


def sections(path: str, table: Table) -> list[Section]:
    """The parts of a file that can be read on their own."""
    return line_sections(path)


def read_header(path: str, table: Table) -> Header:
    """The keys that the file's first rows have; others may have more.

    Raises:
        DataError: no line of the first ones is an object.
    """
    encoding = table.options(TextFiles).encoding
    with open_blocks(Section(path), encoding) as reader:
        block = reader.take()
        if not block:
            reader.check_whole(1)
    rows = _objects(block.splitlines())
    layout = None if rows and not _opens_array(block) else json_layout(block)
    if layout:
        raise DataError(f"{path}: this {layout}.")
    return Header(names_of(rows), holds=functools.partial(_holds, path, encoding))


def _opens_array(block: bytes) -> bool:
    """Whether the first line begins an array that goes on."""
    first = block.lstrip().partition(b"\n")[0]
    return first.startswith(b"[") and isinstance(parse_json(first), ValueError)


def _holds(path: str, encoding: str, source: str) -> bool:
    """Whether any row of a file has a key, or a path of keys."""
    # Only lines that have the quoted key are parsed.
    key = json.dumps(source.rpartition(".")[2], ensure_ascii=False).encode()
    with open_blocks(Section(path), encoding) as reader:
        while block := reader.take():
            if key not in block:
                continue
            lines = [line for line in block.splitlines() if key in line]
            if source in names_of(_objects(lines)):
                return True
    return False


def _objects(lines: Iterable[bytes]) -> list[Row]:
    """The objects among some lines."""
    found: list[Row] = []
    for line in lines:
        value = parse_json(line)
        if isinstance(value, dict):
            found.append(value)
    return found


def read_batches(
    section: Section,
    table: Table,
    table_name: str,
    columns: tuple[Column, ...],
    explode: Explode | None,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[RawBatch | RejectedRow | SectionRows]:
    """The rows of a section in batches, and the lines that aren't objects or have a key twice.

    A key that a row lacks is absent there.
    """
    number = 1
    repeated = RepeatedKeys(columns, explode)
    with open_blocks(section, table.options(TextFiles).encoding, block_bytes) as reader:
        while block := reader.take():
            rows: list[Row] = []
            numbers: list[int] = []
            lines: list[bytes] = []
            parse = parser_for(block)
            for line in block.splitlines():
                row = parse(line)
                if isinstance(row, dict):
                    rows.append(row)
                    numbers.append(number)
                    lines.append(line)
                elif line.strip():
                    yield RejectedRow(table_name, section.path, number, *problem_of(line, row))
                number += 1
            problems = repeated.problems(block, lines, rows)
            for place, problem in sorted(problems.items()):
                yield RejectedRow(table_name, section.path, numbers[place], *problem)
            if problems:
                kept = [place for place in range(len(rows)) if place not in problems]
                rows = [rows[place] for place in kept]
                numbers = [numbers[place] for place in kept]
            if rows:
                batch, rejected = batch_of(rows, np.array(numbers), columns, explode, section.path)
                yield batch
                yield from rejected
        yield from reader.end(number)
