"""Makes typed columns of rows that are objects, of JSON lines, Avro, BigQuery and messages."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import Column
from preprocessing.sources.explode import fitting_rows, is_of_list, item_source, parts_of, places
from preprocessing.sources.objects import Problems, column_of
from preprocessing.sources.raw import RawBatch
from preprocessing.spec_tables import Explode

Row = dict[str, Any]


def batch_of(
    rows: Sequence[Row],
    numbers: np.ndarray,
    columns: tuple[Column, ...],
    explode: Explode | None = None,
    path: str = "",
) -> tuple[RawBatch, list[RejectedRow]]:
    """The wanted columns of rows; one that a row lacks is absent there.

    Args:
        rows: [R] objects.
        numbers: Their numbers, int64 [R].
        columns: What is wanted of a row, or of each of the events that it holds.
        explode: Which lists to take apart, if any.
        path: The file, for messages.

    Returns:
        The rows, or their events, and the rows whose lists are empty or not equally long.
    """
    if explode is None:
        return _batch({column: _values(rows, column.source) for column in columns}, numbers), []
    lists: dict[str, list[list[Any]]] = {}
    for name in explode.columns:
        lists[name] = [_entries(get(row, name), explode) for row in rows]
    lengths = np.array([list(map(len, entries)) for entries in lists.values()])
    kept, single, rejected = fitting_rows(lengths, explode, numbers, path)
    owners = np.append(np.repeat(kept, lengths[0][kept]), single)
    # The row's own columns are repeated for each of its events.
    own = tuple(column for column in columns if not is_of_list(explode, column.source))
    of_rows = _batch({column: _values(rows, column.source) for column in own}, numbers).take(owners)
    # The columns of entries are joined over all rows; rows without a list come last.
    flat: dict[str, list[Any]] = {}
    for name, entries in lists.items():
        flat[name] = list(itertools.chain.from_iterable(entries[row] for row in kept))
    if explode.position is not None:
        flat[explode.position] = places(lengths[0][kept]).tolist()
    item = item_source(columns)
    listed: dict[Column, list[Any]] = {}
    for column in columns:
        if column in own:
            continue
        values = _of_entries(flat, column, explode)
        if column.source == item:
            values += [get(rows[row], str(explode.without_list)) for row in single]
        else:
            values += [None] * len(single)
        listed[column] = values
    return of_rows.beside(_batch(listed, numbers[owners])), rejected


def get(row: Row, source: str) -> Any:
    """The value of a key, or of a path of keys such as `user.id`; None where there is none."""
    if source in row:
        return row[source]
    value: Any = row
    for part in source.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def names_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """All keys of some rows, and the paths of those inside others, in order of appearance."""
    found: dict[str, None] = {}
    for row in rows:
        _add_names(row, found)
    return tuple(found)


def _batch(values: dict[Column, list[Any]], numbers: np.ndarray) -> RawBatch:
    arrays: dict[str, pa.Array] = {}
    problems: Problems = {}
    for column, of_column in values.items():
        arrays[column.name], found = column_of(of_column, column)
        problems = found | problems  # a row's first problem is the one that counts
    return RawBatch(arrays, dict.fromkeys(arrays, ""), numbers, problems)


def _values(rows: Sequence[Row], source: str) -> list[Any]:
    return [get(row, source) for row in rows]


def _entries(value: Any, explode: Explode) -> list[Any]:
    """A list's entries; a text's parts; anything else is a list of one."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return value.strip().split(explode.separator) if value.strip() else []
    return [] if value is None else [value]


def _of_entries(flat: dict[str, list[Any]], column: Column, explode: Explode) -> list[Any]:
    """A column's values, one for each entry."""
    if explode.parts and column.source in explode.parts:
        name = explode.columns[0]
        text, _ = column_of(flat[name], Column(name, name, "text", "events.explode"))
        return parts_of(text, explode)[column.source].to_pylist()
    if column.source in flat:
        return list(flat[column.source])
    name, _, path = column.source.partition(".")
    return [get(entry, path) if isinstance(entry, dict) else None for entry in flat[name]]


def _add_names(row: Row, found: dict[str, None]) -> None:
    # No recursion: a hostile row may be deep.
    rest = [("", iter(row.items()))]
    while rest:
        prefix, items = rest[-1]
        key, value = next(items, (None, None))
        if key is None:
            rest.pop()
            continue
        found.setdefault(prefix + key)
        if isinstance(value, dict):
            rest.append((f"{prefix}{key}.", iter(value.items())))
