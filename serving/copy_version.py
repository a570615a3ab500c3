"""A version's copy on this machine, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from preprocessing.stored_folders import list_folder
from serving.errors import ServingError
from serving.manifest import check_manifest

Change = Callable[[Path], None]


def copy_version(version: Path, copy: Path, changes: Collection[Change]) -> None:
    """Copies a version that is what the export wrote, changes the copy, and flushes it to the disk.

    Args:
        version: A directory. What links in it lead to is copied.
        copy: Where there is nothing yet; nor is there after an error.
        changes: What is done to the copy.

    Raises:
        ServingError: The version isn't what the export wrote, or can't be copied.
    """
    list_folder(str(version))  # which refuses links that would be followed for ever
    try:
        _copy(version, copy, changes)
    except BaseException as error:
        with contextlib.suppress(OSError):  # what led here says more
            remove(copy)
        if isinstance(error, OSError):
            raise ServingError(f"{version} can't be copied: {_first_cause(error)}") from error
        raise


def remove(path: Path) -> None:
    """Removes a folder with all in it, a file, or a link; not what the link leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush_directory(folder: Path) -> None:
    """Makes sure that a power cut takes back no name in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(version: Path, copy: Path, changes: Collection[Change]) -> None:
    shutil.copytree(version, copy)
    try:
        check_manifest(copy)
    except ServingError:
        check_manifest(version)  # names the file that stays
        raise
    for change in changes:
        change(copy)
    for path, _, names in os.walk(copy):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
        flush_directory(Path(path))


def _first_cause(error: OSError) -> str:
    """What went wrong first: shutil gives a list of sources, copies and reasons."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        source, _, reason = error.args[0][0]
        return f"{source}: {reason}"
    return str(error)
