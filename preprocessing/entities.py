"""A table with one row an item (or user), and its join to events by key."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.histories import is_run_start
from preprocessing.sources.columns import KEY, TableName, columns_of
from preprocessing.spec import DatasetSpec
from preprocessing.tables import encode_strings


@dataclasses.dataclass(frozen=True)
class EntityTable:
    """Entities by key.

    Attributes:
        keys: The K ids, sorted.
        columns: Values by column name, each of length K + 1: the last is the value of an entity that isn't here,
            "" or NaN. Strings are binary arrays, numbers float32.
        duplicates: Rows that were left out because another row has the same key.
    """

    keys: pa.Array
    columns: dict[str, pa.Array]
    duplicates: int = 0

    @classmethod
    def from_table(cls, table: pa.Table) -> EntityTable:
        """Of several rows with one key, the first in the order of all their values stays."""
        names = [KEY] + sorted(set(table.column_names) - {KEY})
        ordered = table.select(names).sort_by([(name, "ascending") for name in names])
        codes = encode_strings(ordered.column(KEY)).codes
        first = is_run_start(codes) if len(codes) else np.zeros(0, bool)
        distinct = ordered.filter(pa.array(first)).combine_chunks()
        columns = {name: with_absent(distinct.column(name)) for name in names[1:]}
        return cls(as_array(distinct.column(KEY)), columns, len(codes) - int(first.sum()))

    @classmethod
    def of_spec(cls, spec: DatasetSpec, name: TableName, table: pa.Table | None) -> EntityTable | None:
        """The table `name` of a spec from the rows that were read, if any; None if the spec doesn't have it."""
        columns = columns_of(spec, name)
        if not columns:
            return None
        types = {column.name: pa.float64() if column.kind == "number" else pa.string() for column in columns}
        return cls.from_table(pa.schema(types).empty_table() if table is None else table)

    def rows_of(self, ids: pa.Array) -> np.ndarray:
        """The row of each id, K for an id that isn't here: int64."""
        found = pc.index_in(ids, value_set=self.keys)
        return pc.fill_null(found, len(self.keys)).to_numpy(zero_copy_only=False).astype(np.int64)


def with_absent(column: pa.ChunkedArray) -> pa.Array:
    """The column in the type of records, and after it the value that stands for an absent one."""
    is_number = pa.types.is_floating(column.type)
    value_type = pa.float32() if is_number else pa.binary()
    absent = pa.array([float("nan") if is_number else b""], value_type)
    return pa.concat_arrays([as_array(column).cast(value_type), absent])


def as_array(column: pa.ChunkedArray) -> pa.Array:
    """A chunked column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
