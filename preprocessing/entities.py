"""Tables that are joined to events (items, users, circumstances): by key, and as of a time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.conflicts import NO_CONFLICTS, Conflicts, conflicts_of
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
        times: int64 [rows], seconds, ascending within a key: a row holds for what is later than
            its time. None if rows always hold; then there is one row per key.
        columns: Values by column name, each of length rows + 1: the last one, "" or NaN, is for
            entities that the table doesn't have. Strings are binary arrays, numbers float32.
        duplicates: Rows that were left out because another row has the same key (and time).
        conflicts: Those of them that differ from the row that stays.
    """

    keys: pa.Array
    row_keys: np.ndarray
    times: np.ndarray | None
    columns: dict[str, pa.Array]
    duplicates: int = 0
    conflicts: Conflicts = NO_CONFLICTS

    @classmethod
    def from_table(cls, table: pa.Table) -> EntityTable:
        """Makes one of a table that was read.

        Of several rows with one key (and time), the first in the order of all their values stays,
        so that the order of files and workers doesn't matter.
        """
        has_times = TIME in table.column_names
        keyed_by = [KEY, TIME] if has_times else [KEY]
        others = sorted(set(table.column_names) - set(keyed_by))
        order = [(name, "ascending") for name in (*keyed_by, *others)]
        ordered = table.select([*keyed_by, *others]).sort_by(order)
        codes = encode_strings(ordered.column(KEY)).codes
        times = ordered.column(TIME).to_numpy() if has_times else np.zeros(len(codes), np.int64)
        first = is_run_start(codes, times)
        distinct = ordered.filter(pa.array(first)).combine_chunks()
        keys = encode_strings(distinct.column(KEY))
        columns = {name: with_absent(distinct.column(name)) for name in others}
        kept_times = times[first] if has_times else None
        return cls(
            keys.values,
            keys.codes,
            kept_times,
            columns,
            duplicates=len(codes) - int(first.sum()),
            conflicts=conflicts_of(ordered, first, others),
        )

    @classmethod
    def of_spec(
        cls, spec: DatasetSpec, name: TableName, table: pa.Table | None
    ) -> EntityTable | None:
        """Table `name` of a spec, from the rows that were read, if any.

        None if the spec doesn't have the table.
        """
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
        """Finds what was known of each key at each time: its latest row strictly before it.

        Args:
            keys: int64, as from `keys_of`.
            times: int64, seconds.

        Returns:
            int64, places of rows; one past the last row where there is none.
        """
        if self.times is None:
            return keys
        known = keyed_times(self.row_keys, self.times)
        rows = np.searchsorted(known, keyed_times(keys, times), side="left") - 1
        found = np.append(self.row_keys, -1)[rows] == keys  # place -1 is of no key
        return np.where(found, rows, len(self.row_keys))

    def until(self, time: int) -> EntityTable:
        """The table as it stood just before `time`: the latest row of each key that had one."""
        if self.times is None:
            return self
        rows = self.rows_at(np.arange(len(self.keys)), np.full(len(self.keys), time))
        known = np.flatnonzero(rows < len(self.row_keys))
        taken = pa.array(np.append(rows[known], len(self.row_keys)))
        columns = {name: column.take(taken) for name, column in self.columns.items()}
        return EntityTable(
            keys=self.keys.take(pa.array(known)),
            row_keys=np.arange(len(known)),
            times=None,
            columns=columns,
            duplicates=self.duplicates,
            conflicts=self.conflicts,
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
