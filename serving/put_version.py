"""Puts a version into a model's base path, as the latest there."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from preprocessing.paths import absolute, is_local
from serving.claims import claimed_number
from serving.copy_version import Change, copy_version
from serving.manifest import check_manifest
from serving.origin import note_origin
from serving.put_in_place import put_in_place
from serving.put_in_store import finish, put_in_store
from serving.stored_versions import stored_versions
from serving.version_dirs import version_dirs


def versions_at(target: str) -> dict[int, str]:
    """The versions at a model's base path, by number, with their folders' names.

    Raises:
        StorageError: A store can't be asked, or its package is missing.
    """
    if not is_local(target):
        return stored_versions(target)
    return {int(path.name): path.name for path in version_dirs(Path(target))}


def put_version(
    version: Path,
    target: str,
    number: int,
    keep: int,
    there: Collection[int],
    change: Change | None = None,
) -> str:
    """Copies a version to `target`, complete at once, and removes old ones there.

    The copy says which version it is one of, if it has another number.

    Args:
        version: A version on this machine, which stays as it is.
        target: The model's base path on the server, here or in a store; made if it is missing.
            Here, `target_lock` is held.
        number: The version's there, later than all that are there. In a store it gets a later one
            if another run has begun with this one.
        keep: Versions that stay, at least two: this one and the latest others.
        there: The versions that were there when `number` was chosen.
        change: What is to be done to the copy first.

    Returns:
        The version's new directory.

    Raises:
        ServingError: The target has that version already, another one has come meanwhile, the copy
            isn't what the export wrote, or it can't be made.
        StorageError: A store can't be read or written, or its package is missing.
    """
    if is_local(target):
        changes = _changes(version, number, change)
        return str(put_in_place(version, Path(target) / str(number), keep, changes))
    target = absolute(target)
    with claimed_number(target, number, there) as free:
        changes = _changes(version, free, change)
        final = _put_changed(version, target, free, there, changes)
    finish(target, free, keep, there)
    return final


def _changes(version: Path, number: int, change: Change | None) -> list[Change]:
    changes = [] if change is None else [change]
    if number != int(version.name):
        changes.append(lambda copy: note_origin(copy, version))
    return changes


def _put_changed(
    version: Path, target: str, number: int, there: Collection[int], changes: list[Change]
) -> str:
    """Copies a version to a store, by a changed copy here if there are changes."""
    if not changes:
        check_manifest(version)
        return put_in_store(version, target, number, there)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed"
        copy_version(version, changed, changes)
        return put_in_store(changed, target, number, there)
