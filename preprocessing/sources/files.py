"""Finds files by path, folder or glob on any Beam file system, and opens them, decompressed."""

from __future__ import annotations

import bz2
import contextlib
import glob
import gzip
import lzma
import os
from collections.abc import Iterable, Iterator
from typing import IO

import pyarrow as pa
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from preprocessing.compat.file_systems import give_options
from preprocessing.endpoints import check_store
from preprocessing.errors import BrokenFileError, DataError
from preprocessing.paths import unquoted
from preprocessing.spec_sources import Files
from preprocessing.spec_tables import Table
from preprocessing.stored_folders import missing_package

COMPRESSED = (".gz", ".bz2", ".zst", ".xz")
_HIDDEN = ("_", ".")  # such as Spark's _SUCCESS
_SHOWN_FILES = 5


def files_of(table: Table, name: str) -> list[str]:
    """The paths of a table's files, sorted; see `match_files`.

    Args:
        table: The table.
        name: What the configuration calls it, such as `events`; "" where there is none.

    Raises:
        DataError: it is in BigQuery; or as for `match_files`.
    """
    if not table.paths:
        raise DataError(
            f"the spec's {name} are in BigQuery, which only a run reads. Export them to files for "
            f"this."
        )
    suffixes = table.source.suffixes if isinstance(table.source, Files) else ()
    return match_files(table.paths, f"{name}.path" if name else "", suffixes)


def match_files(patterns: Iterable[str], key: str, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """The paths that any of `patterns` matches, sorted; names with `_` or `.` first are left out.

    Args:
        patterns: Files, globs, or folders. Of a folder, all files are meant that have one of the
            suffixes.
        key: Where a configuration says so, such as `events.path`, for messages; "" where there is
            none.
        suffixes: Of the table's format; a compressed file has another after it.

    Raises:
        DataError: a pattern matches none, or the file system can't be asked.
    """
    found: set[str] = set()
    for pattern in patterns:
        found.update(_match(pattern, key, suffixes))
    return sorted(found)


def _match(pattern: str, key: str, suffixes: tuple[str, ...]) -> list[str]:
    name = unquoted(pattern)
    if "://" not in pattern and os.path.isfile(name):
        return [name]  # even where its name has brackets, which a glob would read otherwise
    found = [path for path in _matching(pattern, key) if not _is_hidden(path, pattern)]
    if found and not glob.has_magic(pattern):
        return found
    # A glob may match folders beside files.
    folder = pattern.rstrip("/")
    inside = [path for path in _below(folder, key) if not _is_hidden(path, folder)]
    found += [path for path in inside if _without_compression(path).endswith(suffixes)]
    if not found and inside:
        names = ", ".join(path.rpartition("/")[2] for path in inside[:_SHOWN_FILES])
        raise DataError(
            f"{pattern}: no file of this folder ends in {' or '.join(suffixes)}. It has: {names}."
        )
    if not found:
        # Who names a file on the command line sees what is wrong with it; a configuration may be of
        # a public data set that is yet to be fetched.
        what_for = f", for {key}.{_missing_folder(pattern)}" if key else "."
        raise DataError(f"{pattern}: no such file{what_for}")
    return found


def _below(folder: str, key: str) -> list[str]:
    """All files in a folder, or in the folders that a glob matches, and further down."""
    if not _is_folder(folder):
        return _matching(f"{folder}/**", key)
    found: list[str] = []
    for place, _, names in os.walk(folder):
        found += [os.path.join(place, name) for name in names]
    return sorted(found)


def _matching(pattern: str, key: str) -> list[str]:
    """The files, not folders, that a glob matches on any file system."""
    problem = missing_package(pattern)
    if problem:
        raise DataError(problem)
    give_options()
    # Beam lists the folder that a glob begins with, and takes "" for a folder that isn't there.
    is_relative = "://" not in pattern and not os.path.isabs(pattern)
    begin = f"{os.curdir}{os.sep}" if is_relative else ""
    try:
        check_store(pattern)
        found = FileSystems.match([begin + pattern])[0].metadata_list
    except (BeamIOError, ValueError, OSError) as error:
        what = f"the spec's {key} " if key else ""
        raise DataError(f"{pattern}: {what}can't be looked up: {error}.") from error
    paths: list[str] = []
    for metadata in found:
        if not _is_folder(metadata.path):
            paths.append(metadata.path.removeprefix(begin))
    return sorted(paths)


def _is_folder(path: str) -> bool:
    """Of a local path; other file systems have no folders among their files."""
    return "://" not in path and os.path.isdir(path)


def _is_hidden(path: str, pattern: str) -> bool:
    """Whether a part of the path is hidden that the pattern doesn't name."""
    named = pattern.split("/")
    parts = path.split("/")
    wanted = named + [""] * (len(parts) - len(named))
    # The pattern may have more parts than the path, as where it ends in /**.
    for part, name in zip(parts, wanted, strict=False):
        if part.startswith(_HIDDEN) and not name.startswith(part[0]):
            return True
    return False


def _missing_folder(pattern: str) -> str:
    folder = os.path.dirname(pattern)
    if "://" in pattern or os.path.isdir(folder) or glob.glob(folder):
        return ""
    return (
        f" Nor is there a folder {folder}; `srp4ctr data fetch NAME` brings public data sets, such "
        f"as ml-100k."
    )


def size_of(path: str) -> int:
    """A file's size in bytes, as it is stored."""
    if "://" not in path:
        return os.path.getsize(path)
    return FileSystems.match([path])[0].metadata_list[0].size_in_bytes


def is_compressed(path: str) -> bool:
    """Whether a file is compressed as a whole, by its name: it can't be read from the middle."""
    return path.lower().endswith(COMPRESSED)


def _without_compression(path: str) -> str:
    """A path in lower case, without the suffix that says how it is compressed."""
    lower = path.lower()
    for suffix in COMPRESSED:
        if lower.endswith(suffix):
            return lower.removesuffix(suffix)
    return lower


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[IO[bytes]]:
    """Opens a file, decompressing .gz, .bz2, .zst and .xz.

    Python's and Arrow's own decompressors are used because Beam's end a truncated file without an
    error.

    Raises:
        BrokenFileError: it can't be opened.
    """
    with open_stored(path) as raw, decompressed(raw, path) as stream:
        yield stream


@contextlib.contextmanager
def open_stored(path: str) -> Iterator[IO[bytes]]:
    """Opens a file as it is stored; as for `open_binary`."""
    give_options()
    try:
        raw = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except (OSError, BeamIOError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BrokenFileError(f"{path}: can't be opened: {reason}.") from error
    with raw:
        yield raw


def decompressed(raw: IO[bytes], path: str) -> IO[bytes]:
    """The content of a file."""
    suffix = os.path.splitext(path.lower())[1]
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=raw, mode="rb")  # type: ignore[return-value]
    if suffix == ".bz2":
        return bz2.BZ2File(raw, mode="rb")
    if suffix == ".xz":
        return lzma.LZMAFile(raw, mode="rb")
    if suffix == ".zst":
        return pa.CompressedInputStream(raw, "zstd")
    return raw
