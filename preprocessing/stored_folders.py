"""Whole folders in object stores, by Beam's file systems: listed, copied from and to, deleted.

Names are taken as they are: none is a pattern, whatever brackets or asterisks it has.

Beam's are the package's one way to gs:// and s3://: they read its logs and write its records, and
both come with what it installs. Only what TFX and TensorFlow write themselves, the artifacts of a
run, goes by TensorFlow's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from preprocessing.endpoints import EndpointError, check_store
from preprocessing.paths import is_local

# What Beam needs for a scheme, and the extra of this package that brings it.
_NEEDED = {"gs": ("google.cloud.storage", "gcs"), "s3": ("boto3", "aws")}
_UNFINISHED = re.compile(r"\..+-[0-9a-f]{32}\.part")
_MOST_COPIED = 5 * 10**9  # bytes that S3 copies, and so renames, in one request


class StoredFile(NamedTuple):
    """A file as a store lists it.

    Attributes:
        size: Bytes.
        changed: Seconds since 1970.
    """

    size: int
    changed: float


class StorageError(OSError):
    """A store can't be asked, or doesn't do what it is asked for."""


def missing_package(path: str) -> str:
    """What a URL needs that isn't installed, with the line that installs it; "" if all is there."""
    scheme, _, rest = path.partition("://")
    if not rest or scheme not in _NEEDED:
        return ""
    module, extra = _NEEDED[scheme]
    missing = [needed for needed in ("apache_beam", module) if not _is_there(needed)]
    if not missing:
        return ""
    return (
        f"{path}: {scheme}:// needs {' and '.join(missing)}, which isn't installed: "
        f"pip install 'srp4ctr[{extra}]'."
    )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is in
        return False


def list_folder(folder: str) -> dict[str, StoredFile]:
    """The files below a folder, by their path in it.

    A folder that isn't there has none, as an object store can't tell one from the other. Of one on
    this machine links are followed.

    Raises:
        StorageError: the store can't be asked, has no such bucket, or its package is missing; or
            what is in the folder can't be read.
    """
    if is_local(folder):
        return _list_here(folder)
    problem = missing_package(folder)
    if problem:
        raise StorageError(problem)
    from preprocessing.compat.file_systems import has_bucket, list_below

    folder = folder.rstrip("/")
    with _errors_of(folder):
        check_store(folder)
        found = list_below(f"{folder}/")
        if not found and folder.startswith("s3://") and not has_bucket(folder):
            raise FileNotFoundError("there is no such bucket")
    files: dict[str, StoredFile] = {}
    for metadata in sorted(found, key=lambda listed: listed.path):
        name = metadata.path.removeprefix(f"{folder}/")
        # Some tools make objects for folders, TensorFlow among them: for this one, too.
        if name and not name.endswith("/"):
            files[name] = StoredFile(metadata.size_in_bytes, metadata.last_updated_in_seconds)
    return files


def _list_here(folder: str) -> dict[str, StoredFile]:
    files: dict[str, StoredFile] = {}
    try:
        for path in _paths_below(folder, frozenset()):
            found = os.stat(path)
            if not stat.S_ISREG(found.st_mode):
                raise StorageError(f"{path}: neither a file nor a folder")
            files[os.path.relpath(path, folder)] = StoredFile(found.st_size, found.st_mtime)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{error.filename or folder}: {error.strerror}") from error
    return files


def _paths_below(folder: str, above: frozenset[str]) -> Iterator[str]:
    """The paths of all below a folder that is no folder, where links lead, too.

    Args:
        folder: On this machine.
        above: Where the folders really are that it is in.
    """
    real = os.path.realpath(folder)
    if real in above:
        raise StorageError(f"{folder}: a link that leads back to a folder which it is in")
    if not os.path.exists(folder):
        return
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            yield from _paths_below(path, above | {real})
        else:
            yield path


def is_unfinished(name: str) -> bool:
    """Whether a file isn't yet, or never became, what `store` makes of it."""
    return _UNFINISHED.fullmatch(name.rpartition("/")[2]) is not None


def read_file(path: str) -> bytes:
    """The content of a file.

    Raises:
        StorageError: it can't be read.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    with (
        _errors_of(path),
        FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream,
    ):
        return bytes(stream.read())


def fetch(folder: str, names: Iterable[str], target: Path) -> None:
    """Copies files of a folder to one on this machine.

    Raises:
        StorageError: one can't be read, or its name would lead out of the folder.
    """
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        if ".." in name.split("/") or name.startswith("/"):  # stores allow such names
            raise StorageError(f"{path}: its name leads out of {folder}")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        with (
            (target / name).open("wb") as copy,
            _errors_of(path),
            FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream,
        ):
            shutil.copyfileobj(stream, copy)


def store(source: Path, names: Iterable[str], folder: str) -> None:
    """Copies files of a folder on this machine to one in a store, in the order of `names`.

    A file has another name until it is whole, `.NAME-....part` beside it: what breaks off leaves
    the earlier one as it is. Larger ones than stores copy at once go under their own.

    Raises:
        StorageError: one can't be written.
    """
    from apache_beam.io.filesystems import FileSystems

    for name in names:
        path = f"{folder.rstrip('/')}/{name}"
        before, slash, last = path.rpartition("/")
        unfinished = f"{before}{slash}.{last}-{uuid.uuid4().hex}.part"
        with _errors_of(path):
            if (source / name).stat().st_size > _MOST_COPIED:
                _upload(source / name, path)
                continue
            try:
                _upload(source / name, unfinished)
                FileSystems.rename([unfinished], [path])
            except BaseException:
                with contextlib.suppress(Exception):  # what led here says more
                    FileSystems.delete([unfinished])
                raise


def _upload(source: Path, path: str) -> None:
    """Copies a file. Where that breaks off, Beam's streams make an object of what came before."""
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    from preprocessing.compat.file_systems import create_empty

    if not source.stat().st_size:
        create_empty(path)
        return
    kind = "application/octet-stream"
    with (
        source.open("rb") as original,
        FileSystems.create(path, kind, CompressionTypes.UNCOMPRESSED) as stream,
    ):
        shutil.copyfileobj(original, stream)


def put_empty(folder: str, name: str) -> None:
    """Makes a file without content in a folder in a store, under its name at once.

    Raises:
        StorageError: it can't be made.
    """
    from preprocessing.compat.file_systems import create_empty

    path = f"{folder.rstrip('/')}/{name}"
    with _errors_of(path):
        create_empty(path)


def delete(folder: str, names: Iterable[str]) -> None:
    """Deletes files of a folder in a store.

    Raises:
        StorageError: one can't be deleted.
    """
    from preprocessing.compat.file_systems import delete_files

    paths = [f"{folder.rstrip('/')}/{name}" for name in names]
    if paths:
        with _errors_of(folder):
            delete_files(paths)


@contextlib.contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Names the path in errors: each store's client has errors of its own."""
    from preprocessing.compat.file_systems import first_cause, give_options

    give_options()
    try:
        yield
    except EndpointError as error:
        raise StorageError(f"{path}: {error}") from error
    except Exception as error:
        raise StorageError(f"{path}: {first_cause(error)}") from error
