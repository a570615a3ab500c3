"""Logs that have a row for each page: the shown items as a list, the chosen one in a column."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing.inspection.label import Label
from preprocessing.inspection.names import LISTS, has_words
from preprocessing.inspection.profile import ColumnProfile, guess_kind
from preprocessing.kinds.kind import MULTIVALENT_SEPARATOR

POSITION = "position"
_SEPARATORS = (MULTIVALENT_SEPARATOR, " ", ",", ";")
_SAMPLE = 2000  # rows, which tell enough
_LEAST_ROWS = 20
_LEAST_ENTRIES = 1.5  # of a list, on average
_MOST_OFTEN = 0.8  # the share of pages whose chosen item is among those that were shown


@dataclasses.dataclass(frozen=True)
class Page:
    """How a row of a log is a page.

    Attributes:
        columns: The columns with a list of one entry for each shown item; first that of their ids.
        separator: What separates entries; None where the file has lists.
        chosen: The column with the id of the chosen item.
        has_actions: Whether there are rows without lists, whose item is in `chosen`.
        position: What the place in the list is called.
    """

    columns: tuple[str, ...]
    separator: str | None
    chosen: str
    has_actions: bool
    position: str

    def explode(self) -> dict[str, Any]:
        """`events.explode` of a spec."""
        found: dict[str, Any] = {"columns": list(self.columns), "position": self.position}
        if self.separator is not None:
            found["separator"] = self.separator
        if self.has_actions:
            found["without_list"] = self.chosen
        return found

    def events(self, profiles: Iterable[ColumnProfile]) -> list[ColumnProfile]:
        """The columns as they are when each shown item is an event, the place in the list too.

        A row without a list is one event, on the item in `chosen`.
        """
        by_name = {profile.name: profile for profile in profiles}
        shown = [_entries(value, self.separator) for value in by_name[self.columns[0]].values]
        sizes = np.array([max(len(entries), 1) for entries in shown])
        row = np.repeat(np.arange(len(sizes)), sizes)
        found: list[ColumnProfile] = []
        for name, profile in by_name.items():
            if name not in self.columns:
                found.append(_repeated(profile, row))
                continue
            values = self._all_entries(profile)
            if name == self.columns[0]:
                # Where there is no list, the item is the chosen one.
                done = by_name[self.chosen].values.take(pa.array(row)).to_pylist()
                values = [value or item for value, item in zip(values, done, strict=True)]
            found.append(_column(name, values))
        places: list[str] = []
        for entries in shown:
            numbered = [str(place) for place in range(1, len(entries) + 1)]
            places += numbered or [""]
        found.append(_column(self.position, places))
        return found

    def _all_entries(self, profile: ColumnProfile) -> list[str]:
        """The entries of all lists of a column, one after another; "" for an empty list."""
        found: list[str] = []
        for value in profile.values:
            found += _entries(value, self.separator) or [""]
        return found

    def label(self, events: Iterable[ColumnProfile]) -> Label:
        """The task: that the item is the chosen one.

        Args:
            events: What `events` gave.
        """
        by_name = {profile.name: profile for profile in events}
        item = _texts(by_name[self.columns[0]])
        is_shown = _texts(by_name[self.position]) != ""
        outcome = (item == _texts(by_name[self.chosen])) & is_shown
        return Label(
            self.columns[0],
            {"equals_column": self.chosen},
            is_flag=True,
            rows=int(outcome.sum()),
            task="chosen",
            outcome=outcome,
        )


def find_page(profiles: list[ColumnProfile]) -> Page | None:
    """How the rows of a log are pages; None where they aren't."""
    for shown in profiles:
        separator = _separator(shown) if has_words(LISTS, shown.name) else None
        if separator is None:
            continue
        chosen = next((p for p in profiles if _is_chosen_of(p, shown, separator)), None)
        if chosen is None:
            continue
        beside = [p.name for p in profiles if p is not shown and _is_beside(p, shown, separator)]
        taken = {p.name for p in profiles}
        return Page(
            columns=(shown.name, *beside),
            separator=None if shown.is_list else separator,
            chosen=chosen.name,
            has_actions=shown.missing > 0,
            position=POSITION if POSITION not in taken else f"{POSITION}_in_list",
        )
    return None


def _separator(profile: ColumnProfile) -> str | None:
    """What separates the entries of a column's values; None if they have one each."""
    if profile.is_list:
        return MULTIVALENT_SEPARATOR
    if profile.kind not in ("list", "text"):
        return None
    values = [value for value in _sample(profile) if value]
    if len(values) < _LEAST_ROWS:
        return None
    for separator in _SEPARATORS:
        if np.mean([len(_entries(value, separator)) for value in values]) >= _LEAST_ENTRIES:
            return separator
    return None


def _is_chosen_of(profile: ColumnProfile, shown: ColumnProfile, separator: str) -> bool:
    """Whether a column has one of the shown items in almost every row of several."""
    if profile is shown or profile.kind not in ("text", "integer"):
        return False
    hits: list[bool] = []
    for value, items in zip(_sample(profile), _sample(shown), strict=True):
        entries = _entries(items, separator)
        if value and len(entries) > 1:
            hits.append(value in entries)
    return len(hits) >= _LEAST_ROWS and float(np.mean(hits)) >= _MOST_OFTEN


def _is_beside(profile: ColumnProfile, shown: ColumnProfile, separator: str) -> bool:
    """Whether a column has an entry for each shown item, in every row."""
    if profile.kind not in ("list", "text") or profile.is_list != shown.is_list:
        return False
    for value, items in zip(_sample(profile), _sample(shown), strict=True):
        if len(_entries(value, separator)) != len(_entries(items, separator)):
            return False
    return True


def _texts(profile: ColumnProfile) -> np.ndarray:
    """The values of a column, as text [rows]."""
    return profile.values.to_numpy(zero_copy_only=False)


def _sample(profile: ColumnProfile) -> list[str]:
    values: list[str] = profile.values[:_SAMPLE].to_pylist()
    return values


def _entries(value: Any, separator: str | None) -> list[str]:
    """The entries of a list, which profiles have as text."""
    text = str(value)
    return text.split(separator or MULTIVALENT_SEPARATOR) if text else []


def _column(name: str, values: list[str]) -> ColumnProfile:
    missing = values.count("")
    distinct = len(set(values)) - bool(missing)
    return guess_kind(ColumnProfile(name, "text", pa.array(values, pa.string()), missing, distinct))


def _repeated(profile: ColumnProfile, row: np.ndarray) -> ColumnProfile:
    values = profile.values.take(pa.array(row))
    times = profile.times[row] if len(profile.times) else profile.times
    missing = int(profile.is_missing[row].sum())
    return dataclasses.replace(profile, values=values, times=times, missing=missing)
