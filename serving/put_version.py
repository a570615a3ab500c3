"""Puts a version into a model's base path, complete at once, and removes old ones there.

TensorFlow Serving loads a version as soon as it sees its directory, even while a copy into it goes
on. So the copy goes to a name that is no version, and is renamed when all of it is on the disk.
That needs a file system whose renames are atomic (local disks, NFS). Object stores have none: there
`saved_model.pb`, without which a folder is no version, goes last.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

from preprocessing.paths import absolute, is_local
from preprocessing.stored_folders import delete, list_folder, store
from serving.errors import ServingError
from serving.manifest import check_manifest
from serving.origin import note_origin
from serving.stored_versions import stored_versions
from serving.version_dirs import SAVED_MODEL_FILE, version_dirs

_INCOMING = ".incoming-"


def versions_at(target: str) -> dict[int, str]:
    """The versions at a model's base path, by number, with their folders' names.

    Raises:
        StorageError: A store can't be asked, or its package is missing.
    """
    if not is_local(target):
        return stored_versions(target)
    return {int(path.name): path.name for path in version_dirs(Path(target))}


def next_number(there: Collection[int]) -> int:
    """A number later than those of all versions there, whatever this machine's clock says.

    It is the time, in seconds since 1970, as for those that runs push.
    """
    return max(max(there, default=0) + 1, int(time.time()))


def put_version(
    version: Path,
    target: str,
    number: int,
    keep: int,
    there: Collection[int],
    change: Callable[[Path], None] | None = None,
) -> str:
    """Copies a version to `target`, complete at once, and removes old ones there.

    The copy says which version it is one of, if it has another number.

    Args:
        version: A version on this machine, which stays as it is.
        target: The model's base path on the server, here or in a store; made if it is missing.
            Here, `target_lock` is held.
        number: The version's there, later than all that are there.
        keep: Versions that stay, at least two: this one and the latest others.
        there: The versions that were there when `number` was chosen.
        change: What is to be done to the copy first.

    Returns:
        The version's new directory.

    Raises:
        ServingError: The target has that version already, another one has come meanwhile, or the
            copy isn't what the export wrote.
        StorageError: A store can't be read or written, or its package is missing.
    """
    changes = [] if change is None else [change]
    if number != int(version.name):
        changes.append(lambda copy: note_origin(copy, version))
    if is_local(target):
        return str(_put_in_place(version, Path(target) / str(number), keep, changes))
    target = absolute(target)
    if not changes:
        check_manifest(version)
        return _put_in_store(version, target, number, keep, there)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed"
        _copy(version, changed, changes)
        return _put_in_store(changed, target, number, keep, there)


def taken(final: str) -> ServingError:
    """The error for a version that the target has already."""
    return ServingError(
        f"{final} is there already: versions are never changed. Roll out a new one."
    )


def _copy(version: Path, copy: Path, changes: Collection[Callable[[Path], None]]) -> None:
    """Copies a version that is what the export wrote, and changes the copy."""
    shutil.copytree(version, copy)
    check_manifest(copy)
    for change in changes:
        change(copy)


def _put_in_store(
    version: Path, target: str, number: int, keep: int, there: Collection[int]
) -> str:
    """Copies a version that was checked to a store, and removes old ones there."""
    final = f"{target}/{number}"
    if number in there:
        raise taken(final)
    names: list[str] = []
    for path in version.rglob("*"):
        if path.is_file() and path != version / SAVED_MODEL_FILE:
            names.append(path.relative_to(version).as_posix())
    store(version, sorted(names), final)
    stored = stored_versions(target)
    _check_nobody_came(target, number, stored, there)
    # A version is there once its graph is: that comes last.
    store(version, [SAVED_MODEL_FILE], final)
    for old in sorted(stored)[: 1 - keep]:
        _delete_version(f"{target}/{stored[old]}")
    return final


def _check_nobody_came(
    target: str, number: int, stored: dict[int, str], there: Collection[int]
) -> None:
    """Nobody locks a store: another run may have put a version there meanwhile.

    That may be a later one, or of a newer model than the one that is refreshed.
    """
    if number in stored:
        raise taken(f"{target}/{number}")
    new = sorted(stored.keys() - set(there))
    if new:
        final = f"{target}/{number}"
        delete(final, list_folder(final))
        raise ServingError(
            f"{target}/{stored[new[-1]]} was put there by another run meanwhile, so this one has "
            "changed nothing. Run it again."
        )


def _delete_version(folder: str) -> None:
    """Deletes what makes it a version first."""
    delete(folder, [SAVED_MODEL_FILE])
    delete(folder, list_folder(folder))


def _put_in_place(
    version: Path, final: Path, keep: int, changes: Collection[Callable[[Path], None]]
) -> Path:
    target = final.parent
    incoming = final.with_name(f"{_INCOMING}{final.name}")
    if final.exists():
        raise taken(str(final))
    # A killed run has left its copy: whoever is at work has the lock, which is this run.
    for left in target.glob(f"{_INCOMING}*"):
        shutil.rmtree(left)
    _copy(version, incoming, changes)
    # The content must be on the disk before a name says that it is whole.
    _flush(incoming)
    others = sorted(version_dirs(target), key=lambda path: int(path.name))
    incoming.rename(final)
    _flush_directory(target)
    for old in others[: 1 - keep]:
        shutil.rmtree(old)
    return final


def _flush(folder: Path) -> None:
    """Makes sure that a power cut after the rename leaves no empty files."""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
        _flush_directory(Path(path))


def _flush_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
