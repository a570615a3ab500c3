"""Finds files by path or glob on any Beam file system, and opens them, decompressed."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any

import pyarrow as pa
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from preprocessing.errors import DataError

COMPRESSED = (".gz", ".bz2", ".zst")


def match_files(patterns: Iterable[str], table: str) -> list[str]:
    """The paths that any of `patterns` matches, sorted.

    Raises:
        DataError: a pattern matches none, there are no patterns, or the file system can't be asked.
    """
    patterns = tuple(patterns)
    if not patterns:
        raise DataError(f"the spec's {table} are in BigQuery, which only a run reads. Export them to files for this.")
    return sorted({path for pattern in patterns for path in _match(pattern, table)})


def _match(pattern: str, table: str) -> list[str]:
    try:
        found = FileSystems.match([pattern])[0].metadata_list
    except (BeamIOError, ValueError, OSError) as error:
        raise DataError(f"{pattern}: the spec's {table}.path can't be looked up: {error}.") from error
    if not found:
        raise DataError(f"{pattern}: no such file, for {table}.path.{_missing_folder(pattern)}")
    return [metadata.path for metadata in found]


def _missing_folder(pattern: str) -> str:
    folder = os.path.dirname(pattern)
    if "://" in pattern or os.path.isdir(folder):
        return ""
    return f" Nor is there a folder {folder}; `srp4ctr data fetch NAME` brings public data sets, such as ml-100k."


def size_of(path: str) -> int:
    """A file's size in bytes, as it is stored."""
    return FileSystems.match([path])[0].metadata_list[0].size_in_bytes


def is_compressed(path: str) -> bool:
    """Whether a file is stored compressed as a whole, by its name, so that it can't be read from the middle."""
    return path.endswith(COMPRESSED)


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[IO[bytes]]:
    """Opens a file, decompressing .gz, .bz2 and .zst.

    Python's and Arrow's own decompressors are used because Beam's end a truncated file without an error.
    """
    raw = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    with raw, _decompress(raw, path) as stream:
        yield stream


def _decompress(raw: Any, path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[return-value]
    if path.endswith(".bz2"):
        return bz2.BZ2File(raw, mode="rb")
    if path.endswith(".zst"):
        return pa.CompressedInputStream(raw, "zstd")
    return raw
