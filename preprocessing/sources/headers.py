"""Whether the files of a table have the columns that are needed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

from preprocessing.errors import BrokenFileError, DataError
from preprocessing.sources.broken import may_break_off, with_hint
from preprocessing.sources.columns import Column
from preprocessing.sources.files import files_of
from preprocessing.sources.formats import reader_of
from preprocessing.sources.partitions import partitions_of
from preprocessing.sources.raw import Header
from preprocessing.spec_tables import Table


def header_of(path: str, table: Table) -> Header:
    """The columns of a file, and those that its folders give."""
    header = reader_of(table).read_header(path, table)
    given = tuple(name for name in partitions_of(path) if name not in header.names)
    types = header.types + ("",) * len(given) if header.types else ()
    return dataclasses.replace(header, names=header.names + given, types=types)


def check_headers(
    table: Table, name: str, columns: tuple[Column, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Each file of a table, and what is wrong with it.

    Where rows may lack columns, as in JSON, it is enough that a row of any file has one.

    Raises:
        DataError: there are no files.
    """
    paths = files_of(table, name)

    @functools.cache
    def is_anywhere(source: str) -> bool:
        return any(_holds(path, table, source) for path in paths)

    for path in paths:
        try:
            header = header_of(path, table)
        except BrokenFileError as error:
            yield path, [] if may_break_off(path, table) else [with_hint(error, name)]
            continue
        except DataError as error:
            yield path, [str(error)]
            continue
        problems = []
        for column in columns:
            try:
                header.position(column, path)
            except DataError as error:
                if header.holds is None or not is_anywhere(column.source):
                    problems.append(str(error))
        yield path, problems


def _holds(path: str, table: Table, source: str) -> bool:
    header = header_of(path, table)
    return source in header.names or (header.holds is not None and header.holds(source))
