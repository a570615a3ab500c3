"""Makes arrays of Python values as JSON, Avro and BigQuery give them.

A value is read as it would be alone, whatever is beside it.
"""

from __future__ import annotations

import decimal
import itertools
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR
from preprocessing.sources.columns import Column
from preprocessing.sources.lists import SEPARATOR_IN_ENTRY, joined_lists
from preprocessing.sources.raw import Problem, Problems
from preprocessing.sources.values import as_text, decimal_text

_ARROW_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
}
_NUMBERS: set[type] = {bool, int, float}
_STRUCTURED: set[type] = {dict, list}
_NOT_TYPED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
_NOT_ONE_VALUE = ("not_one_value", "holds a list or a structure where one value is needed")
_SHOWN_CHARACTERS = 60


def column_of(values: list[Any], column: Column) -> tuple[pa.Array, Problems]:
    """A column's values, [R], and what is wrong with those that can't be read, by row."""
    types = _types(values)
    if column.kind == "any":
        return _as_it_is(values, types), {}
    if column.kind == "multivalent" and list in types:
        return _joined(values, column)
    problems: Problems = {}
    if types & _STRUCTURED:
        is_odd = np.array([type(value) in _STRUCTURED for value in values])
        problems = _problems(is_odd, _NOT_ONE_VALUE, values, column)
        values = [None if type(value) in _STRUCTURED else value for value in values]
    is_number = column.kind in ("number", "time")
    return (_numbers(values) if is_number else array_of(values)), problems


def array_of(values: list[Any]) -> pa.Array:
    """Single values as an array; as text where they have several types."""
    types = _types(values)
    if len(types) <= 1:
        return _of_one_type(values, *types)
    texts: list[str | None] = [None] * len(values)
    for kind in types:
        places = [place for place, value in enumerate(values) if type(value) is kind]
        column, _ = as_text(_of_one_type([values[place] for place in places], kind), "")
        for place, text in zip(places, column.to_pylist(), strict=True):
            texts[place] = text
    return pa.array(texts, pa.string())


def _numbers(values: list[Any]) -> pa.Array:
    """`array_of`; integers, floats and booleans together stay numbers, which is faster."""
    types = _types(values)
    if len(types) > 1 and types <= _NUMBERS:
        try:
            numbers = [None if value is None else float(value) for value in values]
        except OverflowError:  # an integer of more than 308 digits
            return array_of(values)
        return pa.array(numbers, pa.float64())
    return array_of(values)


def _joined(values: list[Any], column: Column) -> tuple[pa.Array, Problems]:
    """Lists as their joined entries, and single values among them."""
    is_list = np.array([type(value) is list for value in values])
    lists = [value if isinstance(value, list) else [] for value in values]
    is_odd = np.zeros(len(lists), bool)
    if _types(list(itertools.chain.from_iterable(lists))) & _STRUCTURED:
        is_odd = np.array([bool(_types(entries) & _STRUCTURED) for entries in lists])
        for row in np.flatnonzero(is_odd).tolist():
            lists[row] = []
    texts, has_separator = joined_lists(_list_array(lists), MULTIVALENT_SEPARATOR, column.source)
    problems = _problems(is_odd, _NOT_ONE_VALUE, values, column)
    problems |= _problems(has_separator, SEPARATOR_IN_ENTRY, values, column)
    if not is_list.all():
        single = [None if isinstance(value, list) else value for value in values]
        others, more = column_of(single, column)
        texts = pc.if_else(pa.array(is_list), texts, as_text(others, column.source)[0])
        problems |= more
    return texts, problems


def _as_it_is(values: list[Any], types: set[type]) -> pa.Array:
    """A column that nothing is known of yet: lists stay lists, structures are left out."""
    if dict in types:
        return pa.nulls(len(values), pa.struct([]))
    if list not in types:
        return array_of(values)
    lists: list[list[Any]] = []
    for value in values:
        entries = value if isinstance(value, list) else [value]
        lists.append([_shown(entry) for entry in entries])
    return _list_array(lists)


def _list_array(lists: list[list[Any]]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(list(map(len, lists)), dtype=np.int64)])
    entries = array_of(list(itertools.chain.from_iterable(lists)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), entries)


def _of_one_type(values: list[Any], kind: type = str) -> pa.Array:
    try:
        return pa.array(values, _ARROW_TYPES.get(kind))
    except _NOT_TYPED:
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return decimal_text(value) if isinstance(value, decimal.Decimal) else str(value)


def _types(values: list[Any]) -> set[type]:
    """The types of some values, but for absent ones."""
    return set(map(type, values)) - {type(None)}


def _problems(is_bad: np.ndarray, problem: Problem, values: list[Any], column: Column) -> Problems:
    reason, what = problem
    found: Problems = {}
    for row in np.flatnonzero(is_bad).tolist():
        message = f"column '{column.source}' {what}. Received: {_shown(values[row])!r}"
        found[row] = (reason, message)
    return found


def _shown(value: Any) -> Any:
    """A structure as text."""
    if type(value) not in _STRUCTURED:
        return value
    try:
        return json.dumps(value, default=str, ensure_ascii=False)[:_SHOWN_CHARACTERS]
    except RecursionError:  # orjson reads what is nested deeper than Python writes
        return f"a {type(value).__name__} that is nested too deep to be shown"
