"""The form that each file format is read into first: batches of columns, with rows' numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from preprocessing.errors import DataError
from preprocessing.hints import did_you_mean
from preprocessing.sources.columns import Column

# What a header may be written with where the spec names another delimiter.
_SEPARATORS = {
    "\t": "tabs",
    ";": "semicolons",
    "|": "bars",
    ",": "commas",
}
Problem = tuple[str, str]  # a reason for rejection, and the same for people
Problems = dict[int, Problem]  # by the row's place in its batch


@dataclasses.dataclass(frozen=True)
class Header:
    """A file's columns.

    Attributes:
        names: Their names.
        types: RecBole's types of them, "" in other formats.
        holds: Where rows may have columns that the first ones lack: whether any row of the file has
            a column.
    """

    names: tuple[str, ...]
    types: tuple[str, ...] = ()
    holds: Callable[[str], bool] | None = None

    def position(self, column: Column, path: str) -> int:
        """Where a column is.

        Raises:
            DataError: it isn't there, where the message names the nearest one that is; or it is
                there twice.
        """
        if column.source in self.names:
            self._check_once(column, path)
            return self.names.index(column.source)
        hint = separator_hint(self.names) or did_you_mean(column.source, self.names)
        found = ", ".join(self.names[:30]) or "nothing: the file is empty"
        raise DataError(
            f"{path}: no column '{column.source}', which {column.needed_by} needs. Found: {found}."
            f"{hint}"
        )

    def _check_once(self, column: Column, path: str) -> None:
        count = self.names.count(column.source)
        if count > 1:
            raise DataError(
                f"{path}: {count} columns are called '{column.source}', which {column.needed_by} "
                f"needs. Rename or leave out all but one."
            )

    def type_of(self, position: int) -> str:
        """RecBole's type of a column, "" without one."""
        return self.types[position] if self.types else ""


@dataclasses.dataclass(frozen=True)
class RawBatch:
    """Rows of a file.

    Attributes:
        columns: Values by the column's name in the batch, each of length [rows]: strings from text
            files, other types from files that have types.
        types: RecBole's type of each column, "" in other formats.
        numbers: The row numbers, int64 [rows]; the first line of a file is row 1.
        problems: What is wrong with rows whose values can't be read, by their place in the batch.
    """

    columns: dict[str, pa.Array]
    types: dict[str, str]
    numbers: np.ndarray
    problems: Problems = dataclasses.field(default_factory=dict)

    def take(self, rows: np.ndarray) -> RawBatch:
        """The batch with other rows: some of its own, any number of times each."""
        columns = {name: column.take(pa.array(rows)) for name, column in self.columns.items()}
        problems: Problems = {}
        if self.problems:
            for place, row in enumerate(rows.tolist()):
                if row in self.problems:
                    problems[place] = self.problems[row]
        return RawBatch(columns, self.types, self.numbers[rows], problems)

    def beside(self, other: RawBatch) -> RawBatch:
        """The same rows with the columns of both."""
        columns = self.columns | other.columns
        types = self.types | other.types
        return RawBatch(columns, types, self.numbers, other.problems | self.problems)


def separator_hint(names: tuple[str, ...]) -> str:
    """The end of a message where a single column's name has what may separate columns."""
    if len(names) != 1:
        return ""
    for separator, what in _SEPARATORS.items():
        if separator in names[0]:
            option = "format: tsv" if separator == "\t" else f"delimiter: '{separator}'"
            return f" The header has {what}, but no other separator: is it {option}?"
    return ""
