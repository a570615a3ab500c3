"""What every format is read as before it is checked: batches of columns, with the rows' numbers."""

from __future__ import annotations

import dataclasses
import difflib

import numpy as np
import pyarrow as pa

from preprocessing.errors import DataError
from preprocessing.sources.columns import Column


@dataclasses.dataclass(frozen=True)
class Header:
    """A file's column names, and RecBole's types beside them ("" in other formats)."""

    names: tuple[str, ...]
    types: tuple[str, ...] = ()

    def position(self, column: Column, path: str) -> int:
        """Where a column is.

        Raises:
            DataError: it isn't there; the message names the nearest one that is.
        """
        if column.source in self.names:
            return self.names.index(column.source)
        nearest = difflib.get_close_matches(column.source, self.names, n=1)
        hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
        found = ", ".join(self.names[:30]) or "nothing: the file is empty"
        raise DataError(f"{path}: no column '{column.source}', which {column.needed_by} needs. Found: {found}.{hint}")

    def type_of(self, position: int) -> str:
        """RecBole's type of a column, "" without one."""
        return self.types[position] if self.types else ""


@dataclasses.dataclass(frozen=True)
class RawBatch:
    """Rows of a file.

    Attributes:
        columns: Values by the column's name in the batch, each of length [rows]: strings from text files, other
            types from files that have types.
        types: RecBole's type of each column, "" in other formats.
        numbers: The row numbers, int64 [rows]; the first line of a file is row 1.
    """

    columns: dict[str, pa.Array]
    types: dict[str, str]
    numbers: np.ndarray
