"""A table of entities (items, users, circumstances), and its join to events: by key, and as of a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.histories import is_run_start
from preprocessing.sources.columns import KEY, TIME, TableName, columns_of
from preprocessing.spec import DatasetSpec
from preprocessing.tables import encode_strings, keyed_times


@dataclasses.dataclass(frozen=True)
class EntityTable:
    """Rows by key, and by time where the table has a timestamp.

    Attributes:
        keys: The K ids, sorted.
        row_keys: int64 [rows], the key of each row as an index into `keys`, ascending.
        times: int64 [rows], seconds, ascending within a key: a row holds after it. None if rows
            always hold; then there is one a key.
        columns: Values by column name, each of length rows + 1: the last is the value of an entity
            that isn't here, "" or NaN. Strings are binary arrays, numbers float32.
        duplicates: Rows that were left out because another row has the same key (and time).
    """

    keys: pa.Array
    row_keys: np.ndarray
    times: np.ndarray | None
    columns: dict[str, pa.Array]
    duplicates: int = 0

    @classmethod
    def from_table(cls, table: pa.Table) -> EntityTable:
        """Of several rows with one key (and time), the first in the order of all their values stays."""
        places = [name for name in (KEY, TIME) if name in table.column_names]
        names = places + sorted(set(table.column_names) - {KEY, TIME})
        ordered = table.select(names).sort_by([(name, "ascending") for name in names])
        codes = encode_strings(ordered.column(KEY)).codes
        times = (
            ordered.column(TIME).to_numpy() if TIME in places else np.zeros(len(codes), np.int64)
        )
        first = is_run_start(codes, times)
        distinct = ordered.filter(pa.array(first)).combine_chunks()
        keys = encode_strings(distinct.column(KEY))
        columns = {name: with_absent(distinct.column(name)) for name in names[len(places) :]}
        kept_times = times[first] if TIME in places else None
        return cls(keys.values, keys.codes, kept_times, columns, len(codes) - int(first.sum()))

    @classmethod
    def of_spec(
        cls, spec: DatasetSpec, name: TableName, table: pa.Table | None
    ) -> EntityTable | None:
        """The table `name` of a spec from the rows that were read, if any; None if the spec doesn't have it."""
        columns = columns_of(spec, name)
        if not columns:
            return None
        types = {"number": pa.float64(), "time": pa.int64()}
        schema = pa.schema({column.name: types.get(column.kind, pa.string()) for column in columns})
        return cls.from_table(schema.empty_table() if table is None else table)

    def keys_of(self, ids: pa.Array) -> np.ndarray:
        """The index of each id in `keys`, K for an id that isn't there: int64."""
        found = pc.index_in(ids, value_set=self.keys)
        return pc.fill_null(found, len(self.keys)).to_numpy(zero_copy_only=False).astype(np.int64)

    def rows_at(self, keys: np.ndarray, times: np.ndarray) -> np.ndarray:
        """What was known of each key (as from `keys_of`) at each time: its latest row strictly before it.

        Returns:
            int64, the number of rows where there is none.
        """
        if self.times is None:
            return keys
        rows = (
            np.searchsorted(
                keyed_times(self.row_keys, self.times), keyed_times(keys, times), side="left"
            )
            - 1
        )
        found = np.append(self.row_keys, -1)[rows] == keys  # row -1 is none
        return np.where(found, rows, len(self.row_keys))

    def until(self, time: int) -> EntityTable:
        """The table as it stood just before `time`: one row a key, none for keys that had no row by then."""
        if self.times is None:
            return self
        rows = self.rows_at(np.arange(len(self.keys)), np.full(len(self.keys), time))
        known = np.flatnonzero(rows < len(self.row_keys))
        taken = pa.array(np.append(rows[known], len(self.row_keys)))
        columns = {name: column.take(taken) for name, column in self.columns.items()}
        return EntityTable(
            self.keys.take(pa.array(known)), np.arange(len(known)), None, columns, self.duplicates
        )


def with_absent(column: pa.ChunkedArray) -> pa.Array:
    """The column in the type of records, and after it the value that stands for an absent one."""
    is_number = pa.types.is_floating(column.type)
    value_type = pa.float32() if is_number else pa.binary()
    absent = pa.array([float("nan") if is_number else b""], value_type)
    return pa.concat_arrays([as_array(column).cast(value_type), absent])


def as_array(column: pa.ChunkedArray) -> pa.Array:
    """A chunked column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
