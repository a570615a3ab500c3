"""Finds files by path or glob on any Beam file system, and opens them as text."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
from collections.abc import Iterator
from typing import IO, Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from preprocessing.errors import DataError


def match_files(pattern: str, table: str) -> list[str]:
    """The paths that `pattern` matches, sorted.

    Raises:
        DataError: there are none.
    """
    found = FileSystems.match([pattern])[0].metadata_list
    if not found:
        raise DataError(f"{pattern}: no such file. The spec's {table}.path names no file that can be found.")
    return sorted(metadata.path for metadata in found)


@contextlib.contextmanager
def open_text(path: str) -> Iterator[io.TextIOWrapper]:
    """Opens a file as UTF-8 text, decompressing .gz and .bz2; undecodable bytes become lone surrogates.

    Python's own decompressors are used because Beam's end a truncated file without an error.
    """
    raw = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    with raw, _decompress(raw, path) as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _decompress(raw: Any, path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        return gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[return-value]
    if path.endswith(".bz2"):
        return bz2.BZ2File(raw, mode="rb")
    return raw
