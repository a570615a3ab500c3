"""Arrow helpers: tables as bytes for a shuffle, stable hashes, partitions, strings as codes."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.text_keys import normal_keys


@dataclasses.dataclass(frozen=True)
class Strings:
    """A string column as codes, whose order is the strings' byte order.

    Attributes:
        codes: int64 [rows], indices into `values`.
        values: The distinct strings, sorted.
    """

    codes: np.ndarray
    values: pa.Array

    def take(self, rows: np.ndarray) -> Strings:
        """The same column at other rows."""
        return Strings(self.codes[rows], self.values)

    def strings(self) -> pa.Array:
        """The strings, [rows]."""
        return self.values.take(pa.array(self.codes))


def encode_strings(column: pa.ChunkedArray) -> Strings:
    """Codes a string column."""
    indices, distinct = _distinct(column)
    # Arrow codes strings as they come; codes whose order is the strings' own can be sorted by.
    order = pc.sort_indices(distinct).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return Strings(ranks[indices], distinct.take(pa.array(order)))


def _distinct(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Each string of a column as an index into its distinct strings, and these, in any order."""
    encoded = column.dictionary_encode().unify_dictionaries()
    if not encoded.num_chunks:
        return np.zeros(0, np.int64), pa.array([], column.type)
    indices = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    return indices, encoded.chunk(0).dictionary


def to_bytes(table: pa.Table) -> bytes:
    """A table as a compressed Arrow IPC stream, the same for every worker's version of Arrow.

    Runners keep a whole shuffle in memory or on disk, so its size matters.
    """
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def from_bytes(parts: Iterable[bytes], columns: Iterable[str] | None = None) -> pa.Table | None:
    """All rows of several streams as one table, of all columns or of some.

    None if there are no streams.
    """
    tables = [_read(part, columns) for part in parts]
    return pa.concat_tables(tables).combine_chunks() if tables else None


def _read(part: bytes, columns: Iterable[str] | None) -> pa.Table:
    reader = pa.ipc.open_stream(part)
    if columns is None:
        return reader.read_all()
    wanted = [number for number, name in enumerate(reader.schema.names) if name in columns]
    options = pa.ipc.IpcReadOptions(included_fields=wanted)
    return pa.ipc.open_stream(part, options=options).read_all()


def is_absent(values: pa.Array) -> np.ndarray:
    """Whether a value is "" or NaN: bool [values]."""
    numeric = pa.types.is_floating(values.type)
    absent = pc.is_nan(values) if numeric else pc.equal(pc.binary_length(values), 0)
    return absent.to_numpy(zero_copy_only=False)


_GOLDEN = 0x9E3779B97F4A7C15  # 2 ** 64 over the golden ratio, splitmix64's step
TIME_BITS = 34  # the latest time that is read is 10 ** 10 seconds


def stable_hash(values: pa.Array, salt: int = 0) -> np.ndarray:
    """A hash of each string that is the same in every process and version: uint64 [rows]."""
    checksums = (zlib.crc32(value.encode()) for value in values.to_pylist())
    return mix(np.fromiter(checksums, np.uint64, len(values)), salt)


def mix(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Spreads uint64 numbers over all 64 bits, differently for each salt >= 0 (splitmix64)."""
    mixed = numbers + np.uint64((salt + 1) * _GOLDEN % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def keyed_times(keys: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Keys (below 2 ** 29) and seconds as numbers whose order is that of the pairs: int64."""
    return (keys.astype(np.int64) << TIME_BITS) + times


def partition(
    table: pa.Table, name: str, key: str, shards: int
) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """Spreads the rows of a table over shards by a hash of their key, for a shuffle.

    Keys that two tables write differently, such as `7` and `007`, come to one shard, so that the
    difference can be noticed there.

    Yields:
        (shard, (name, rows)) for every shard that has some.
    """
    indices, distinct = _distinct(table.column(key))
    shard = (stable_hash(normal_keys(distinct)) % np.uint64(shards)).astype(np.int64)[indices]
    order = np.argsort(shard, kind="stable")
    ordered = table.take(pa.array(order))
    bounds = np.searchsorted(shard[order], np.arange(shards + 1))
    for number in np.flatnonzero(np.diff(bounds)):
        rows = ordered.slice(bounds[number], bounds[number + 1] - bounds[number])
        yield int(number), (name, to_bytes(rows))
