"""Makes several events of one row: one for each entry of a list that the row holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.quarantine import RejectedRow
from preprocessing.sources.columns import ITEM, Column
from preprocessing.sources.normal import normal_array
from preprocessing.sources.raw import RawBatch
from preprocessing.sources.section import SectionRows
from preprocessing.sources.values import as_text
from preprocessing.spec_tables import Events, Explode, Table


def columns_in_file(explode: Explode | None, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """What must be read from the file to have `columns` once its lists have been taken apart."""
    if explode is None:
        return columns
    own = tuple(column for column in columns if not is_of_list(explode, column.source))
    lists = list(explode.columns)
    if explode.without_list is not None:
        lists.append(explode.without_list)
    return own + tuple(Column(name, name, "any", "events.explode") for name in lists)


def exploded(
    parts: Iterable[RawBatch | RejectedRow | SectionRows],
    explode: Explode | None,
    columns: tuple[Column, ...],
    path: str,
) -> Iterator[RawBatch | RejectedRow | SectionRows]:
    """Takes the lists of batches apart, if there are any; see `explode_batch`."""
    for part in parts:
        if explode is None or not isinstance(part, RawBatch):
            yield part
        else:
            batch, rejected = explode_batch(part, explode, columns, path)
            yield batch
            yield from rejected


def explode_batch(
    raw: RawBatch, explode: Explode, columns: tuple[Column, ...], path: str
) -> tuple[RawBatch, list[RejectedRow]]:
    """Takes lists apart.

    Args:
        raw: [R] rows, with the columns of `columns_in_file`.
        explode: Which lists.
        columns: The columns of the result.
        path: The file, for the messages.

    Returns:
        [E] events with their rows' numbers, those of rows without lists last, and the rows whose
        lists are empty or not equally long.
    """
    lists = {name: _lists(raw.columns[name], explode.separator) for name in explode.columns}
    lengths = np.stack([_lengths(column) for column in lists.values()])
    kept, single, rejected = fitting_rows(lengths, explode, raw.numbers, path)
    rows = np.append(np.repeat(kept, lengths[0][kept]), single)
    entries = {name: pc.list_flatten(column.take(pa.array(kept))) for name, column in lists.items()}
    fields = _fields(entries, explode)
    if explode.position is not None:
        fields[explode.position] = pa.array(places(lengths[0][kept]))
    # The column of entries that a row without a list fills from its own column `without_list`.
    item = item_source(columns)
    arrays: dict[str, pa.Array] = {}
    for column in columns:
        if not is_of_list(explode, column.source):
            arrays[column.name] = raw.columns[column.name].take(pa.array(rows))
            continue
        values = _field(fields, column.source, len(rows) - len(single))
        if len(single):
            others = None
            if column.source == item:
                others = raw.columns[str(explode.without_list)].take(pa.array(single))
            values = _with_singles(values, others, len(single), column.source)
        arrays[column.name] = values
    types = {name: raw.types.get(name, "") for name in arrays}
    return RawBatch(arrays, types, raw.numbers[rows]), rejected


def fitting_rows(
    lengths: np.ndarray, explode: Explode, numbers: np.ndarray, path: str
) -> tuple[np.ndarray, np.ndarray, list[RejectedRow]]:
    """Tells which rows fit.

    Args:
        lengths: How many entries each list has, int [lists, R].
        explode: Which lists.
        numbers: The rows' numbers, int64 [R].
        path: The file, for the messages.

    Returns:
        The places of the rows whose lists can be taken apart, those of the rows that are one event
        without lists, and the other rows, which are rejected.
    """
    uneven = (lengths != lengths[0]).any(axis=0)
    empty = lengths.max(axis=0) == 0
    single = empty & (explode.without_list is not None)
    rejected: list[RejectedRow] = []
    for reason, mask in (("list_lengths", uneven), ("empty_list", empty & ~single)):
        for row in np.flatnonzero(mask):
            rejected.append(_reject(explode, path, int(numbers[row]), reason, lengths[:, row]))
    return np.flatnonzero(~uneven & ~empty), np.flatnonzero(single), rejected


def places(lengths: np.ndarray) -> np.ndarray:
    """The place of each entry in its list, from 1: int64."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths) + 1


def item_source(columns: Iterable[Column]) -> str | None:
    """The column of the file, or of the lists taken apart, that has the item."""
    return next((column.source for column in columns if column.name == ITEM), None)


def is_of_list(explode: Explode, source: str) -> bool:
    """Whether a column comes from the entries of a list."""
    if source in (explode.position, *explode.parts, *explode.columns):
        return True
    return any(source.startswith(f"{name}.") for name in explode.columns)


def parts_of(entries: pa.Array, explode: Explode) -> dict[str, pa.Array]:
    """The parts of entries that are text, by name; empty ones where an entry has fewer."""
    text, _ = as_text(entries, explode.columns[0])
    split = pc.split_pattern(
        text, explode.part_separator, max_splits=len(explode.parts) - 1, reverse=True
    )
    complete = pc.equal(pc.list_value_length(split), len(explode.parts))
    padded = pc.if_else(complete, split, pa.scalar([""] * len(explode.parts), split.type))
    return {name: pc.list_element(padded, place) for place, name in enumerate(explode.parts)}


def explode_of(table: Table) -> Explode | None:
    """How a table's rows are taken apart; None if they aren't."""
    return table.explode if isinstance(table, Events) else None


def _lists(values: pa.Array, separator: str) -> pa.Array:
    """A column's values as lists; text is split, and has no entries where it is empty."""
    values = normal_array(values)
    if pa.types.is_string(values.type) or pa.types.is_null(values.type):
        text = pc.utf8_trim_whitespace(as_text(values, "list")[0])
        known = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        return pc.split_pattern(known, separator)
    return values


def _lengths(lists: pa.Array) -> np.ndarray:
    """How many entries each list has, 0 where there is none: int [R]."""
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy()


def _fields(entries: dict[str, pa.Array], explode: Explode) -> dict[str, pa.Array]:
    """The columns that entries give, flat."""
    if not explode.parts:
        return entries
    (values,) = entries.values()
    return parts_of(values, explode)


def _with_singles(values: pa.Array, others: pa.Array | None, count: int, source: str) -> pa.Array:
    """The values of entries, and after them those of rows without a list.

    All are text where rows without a list have values (`others`).
    """
    if others is None:
        return pa.concat_arrays([values, pa.nulls(count, values.type)])
    return pa.concat_arrays([as_text(values, source)[0], as_text(others, source)[0]])


def _field(fields: dict[str, pa.Array], source: str, rows: int) -> pa.Array:
    """The column of entries, or of a field inside them, such as `items.price`."""
    if source in fields:
        return fields[source]
    column, _, path = source.partition(".")
    values = fields[column]
    for part in path.split("."):
        names = [field.name for field in values.type] if pa.types.is_struct(values.type) else []
        if part not in names:  # no entry of the batch has it
            return pa.nulls(rows, pa.string())
        values = pc.struct_field(values, [names.index(part)])
    return values


def _reject(
    explode: Explode, path: str, number: int, reason: str, lengths: np.ndarray
) -> RejectedRow:
    found: list[str] = []
    for name, length in zip(explode.columns, lengths.tolist(), strict=True):
        found.append(f"{name} has {length}")
    message = f"lists to take apart need entries, and equally many: {', '.join(found)}"
    return RejectedRow("events", path, number, reason, message)
