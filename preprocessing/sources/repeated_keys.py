"""Finds rows of JSON in which a key that is read stands twice, so that one value would be lost.

A parser keeps one of the values without a word. So the keys of the text are counted and compared
with those of what was parsed: first over a whole block, which is quick, and row by row only where
the block has more. A key that is spelled with escapes it could do without isn't found.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from preprocessing.sources.columns import Column
from preprocessing.sources.nested import Row
from preprocessing.sources.raw import Problem, Problems
from preprocessing.spec_tables import Explode

_REASON = "repeated_key"


class RepeatedKeys:
    """Looks for the keys that some columns are read from.

    Args:
        columns: What is read.
        explode: Which lists are taken apart, if any.
    """

    def __init__(self, columns: Iterable[Column], explode: Explode | None = None) -> None:
        sources = {column.source for column in columns}
        if explode is not None:
            sources |= {*explode.columns, *filter(None, [explode.without_list])}
        self._paths = sorted(source for source in sources if "." in source)
        keys = {part for source in sources for part in (source, *source.split("."))}
        self._keys = sorted(keys)

    def problems(self, text: bytes, lines: Sequence[bytes], rows: Sequence[Row]) -> Problems:
        """What is wrong, by the row's place.

        Args:
            text: What the lines are of.
            lines: The text of each row.
            rows: The same, parsed.
        """
        found = {place: _both(path) for path in self._paths for place in _places(rows, path)}
        for key in self._suspects(text, rows):
            pattern = _pattern(key)
            for place, (line, row) in enumerate(zip(lines, rows, strict=True)):
                if len(pattern.findall(line)) > _count(row, key):
                    found.setdefault(place, (_REASON, f"key '{key}' is there twice"))
        return found

    def _suspects(self, text: bytes, rows: Sequence[Row]) -> list[str]:
        """The keys that a text has more often than what was parsed of it."""
        written = {key: sum(map(text.count, _spellings(key))) for key in self._keys}
        # Mostly no structure in a row has the key too, and no value is the same word.
        suspects = [key for key in self._keys if written[key] > sum(key in row for row in rows)]
        if not suspects:
            return []
        try:
            again = orjson.dumps(rows)
        except orjson.JSONEncodeError:  # it writes no integers of more than 64 bits
            return suspects
        # Words that are values are in both.
        return [key for key in suspects if written[key] > again.count(_spellings(key)[0])]


@functools.lru_cache(maxsize=1024)
def _spellings(key: str) -> list[bytes]:
    """How a key may be written, the plain one first."""
    spellings = [json.dumps(key, ensure_ascii=False).encode(), json.dumps(key).encode()]
    return list(dict.fromkeys(spellings))


@functools.lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[bytes]:
    """A key and its colon; within a string its quotes would be escaped."""
    written = b"|".join(map(re.escape, _spellings(key)))
    return re.compile(rb"(?:" + written + rb")\s*:")


def _count(row: Row, key: str) -> int:
    """How many objects in a row, itself among them, have a key."""
    found = 0
    rest: list[Any] = [row]  # no recursion: a hostile row may be deep
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            found += key in value
            value = value.values()
        rest += [part for part in value if isinstance(part, (dict, list))]
    return found


def _places(rows: Sequence[Row], path: str) -> list[int]:
    """The rows that have a path both as one key and as a field of a structure."""
    return [place for place, row in enumerate(rows) if path in row and _has_field(row, path)]


def _has_field(row: Row, path: str) -> bool:
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _both(path: str) -> Problem:
    structure, _, field = path.rpartition(".")
    return _REASON, f"'{path}' is there twice: as a key, and as field '{field}' of '{structure}'"
