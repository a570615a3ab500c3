"""The events of a shard of users as sorted columns, and the conditions on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.earlier import first_lists
from preprocessing.histories import is_run_start
from preprocessing.sources.columns import (
    ITEM,
    PLACE,
    REQUEST,
    TIME,
    USER,
    is_numeric,
    number_column,
    text_column,
)
from preprocessing.spec_records import Candidates, Condition, History
from preprocessing.tables import Strings, encode_strings
from preprocessing.two_values import FALSE, TRUE


@dataclasses.dataclass(frozen=True)
class SortedEvents:
    """Events sorted by user, time, item and then every other column.

    So the order in which they were read never matters.

    Attributes:
        strings: The string columns by name, keys among them.
        numbers: The number columns by name, `time` (int64 seconds) among them; float64, NaN where
            absent.
    """

    strings: dict[str, Strings]
    numbers: dict[str, np.ndarray]

    @classmethod
    def from_table(cls, table: pa.Table) -> SortedEvents:
        """Sorts a table that has the columns `user`, `time`, `item` and any others."""
        table = first_lists(table)
        strings: dict[str, Strings] = {}
        numbers: dict[str, np.ndarray] = {}
        for name in table.column_names:
            if pa.types.is_string(table.schema.field(name).type):
                strings[name] = encode_strings(table.column(name))
            else:
                numbers[name] = table.column(name).to_numpy()
        codes = {name: column.codes for name, column in strings.items()} | numbers
        keys = (USER, TIME, PLACE, ITEM) if PLACE in codes else (USER, TIME, ITEM)
        others = sorted(set(codes) - set(keys))
        # lexsort takes the most significant key last.
        order = np.lexsort([codes[name] for name in reversed((*keys, *others))])
        return cls(
            {name: column.take(order) for name, column in strings.items()},
            {name: column[order] for name, column in numbers.items()},
        )

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: np.ndarray) -> SortedEvents:
        """Some of the events, in ascending order of their numbers."""
        strings = {name: column.take(rows) for name, column in self.strings.items()}
        numbers = {name: column[rows] for name, column in self.numbers.items()}
        return SortedEvents(strings, numbers)

    def to_table(self) -> pa.Table:
        """The events as `from_table` takes them."""
        strings = {name: column.strings() for name, column in self.strings.items()}
        return pa.table(strings | {name: pa.array(column) for name, column in self.numbers.items()})

    def is_distinct(self) -> np.ndarray:
        """False for an event that equals the one before in every column: bool [E]."""
        strings = [column.codes for column in self.strings.values()]
        numbers = [column.view(np.int64) for column in self.numbers.values()]  # NaN equals itself
        return is_run_start(*strings, *numbers)

    @property
    def user(self) -> np.ndarray:
        """int64 [E], codes in the order of the ids."""
        return self.strings[USER].codes

    @property
    def time(self) -> np.ndarray:
        """int64 [E], seconds since 1970."""
        return self.numbers[TIME]

    @property
    def request(self) -> np.ndarray | None:
        """int64 [E], codes of the log's request ids, -1 where an event has none.

        None if the log has no request ids.
        """
        if REQUEST not in self.strings:
            return None
        column = self.strings[REQUEST]
        absent = pc.equal(column.values, "").to_numpy(zero_copy_only=False)
        return np.where(absent[column.codes], -1, column.codes)

    @property
    def is_listed(self) -> np.ndarray:
        """Whether an event is from a list of earlier behaviours, without a time: bool [E]."""
        return self.numbers[PLACE] > 0 if PLACE in self.numbers else np.zeros(len(self), bool)

    def enter_history(self, history: History) -> np.ndarray:
        """Whether an event may be part of a history: bool [E]."""
        return self.hold(history.where) | self.is_listed

    def are_candidates(self, candidates: Candidates) -> np.ndarray:
        """Whether an event is a candidate: bool [E]."""
        return self.hold(candidates.where) & ~self.is_listed

    def hold(self, conditions: Iterable[Condition]) -> np.ndarray:
        """Whether all conditions hold: bool [E]."""
        result = np.ones(len(self), bool)
        for condition in conditions:
            result &= self._holds(condition)
        return result

    def frequent_values(self, condition: Condition, most: int = 20) -> dict[str, int]:
        """The most frequent values of a condition's column, as text, and how often each occurs."""
        if is_numeric(condition):
            column_numbers = self.numbers[number_column(condition.column)]
            numbers, counts = np.unique(column_numbers, return_counts=True)
            values = ["" if np.isnan(number) else f"{number:g}" for number in numbers.tolist()]
        else:
            column = self.strings[text_column(condition.column)]
            counts = np.bincount(column.codes, minlength=len(column.values))
            values = column.values.to_pylist()
        order = np.argsort(-counts, kind="stable")[:most].tolist()
        return {values[place]: int(counts[place]) for place in order}

    def _holds(self, condition: Condition) -> np.ndarray:
        if is_numeric(condition):
            return _compare(self.numbers[number_column(condition.column)], condition)
        column = self.strings[text_column(condition.column)]
        if condition.equals_column is not None:
            own = column.strings()
            others = self.strings[text_column(condition.equals_column)].strings()
            same = pc.and_(pc.equal(own, others), pc.not_equal(own, ""))
            return same.to_numpy(zero_copy_only=False)
        values = column.values
        if isinstance(condition.equals, bool):
            values = pc.utf8_lower(pc.utf8_trim_whitespace(values))
            wanted = list(TRUE if condition.equals else FALSE)
        elif condition.one_of is not None:
            wanted = list(condition.one_of)
        else:
            wanted = [str(condition.equals)]
        matches = pc.is_in(values, value_set=pa.array(wanted, pa.string()))
        return matches.to_numpy(zero_copy_only=False)[column.codes]


def _compare(numbers: np.ndarray, condition: Condition) -> np.ndarray:
    """An absent number (NaN) satisfies nothing."""
    if condition.at_least is not None:
        return numbers >= condition.at_least
    if condition.at_most is not None:
        return numbers <= condition.at_most
    return numbers == condition.equals


def events_before(table: pa.Table, time: int | None) -> pa.Table:
    """The events that happened before a time, seconds since 1970; all of them if it is None."""
    return table if time is None else table.filter(pc.less(table.column(TIME), time))
