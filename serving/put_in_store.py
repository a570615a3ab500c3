"""Puts a version into a model's base path in a store.

A store renames no folder at once. So `saved_model.pb`, without which a folder is no version, goes
last. Nor has a store locks: what holds where two runs put versions there at once is

- a version's files are all one run's (`claims.py`);
- a run that finds another's version before its own is complete puts none there, and says so;
- of two that complete theirs between the other's last look and its last file, both versions are
  there and whole, the later number is the latest, and at least one run says so, as an error.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from preprocessing.stored_folders import (
    StorageError,
    StoredFile,
    delete,
    is_unfinished,
    list_folder,
    store,
)
from serving.errors import ServingError
from serving.stored_versions import stored_versions
from serving.version_dirs import SAVED_MODEL_FILE, taken, version_number

_IDLE_SECONDS = 3600.0  # no run waits so long between its last look and its last file


def put_in_store(version: Path, target: str, number: int, there: Collection[int]) -> str:
    """Copies a version that was checked to a store.

    Args:
        version: A version on this machine. What links in it lead to is copied.
        target: The model's base path.
        number: The version's there, which this run has claimed.
        there: The versions that were there when the number was chosen.

    Returns:
        The version's folder.

    Raises:
        ServingError: Another version has come meanwhile.
        StorageError: The version can't be read, or the store can't be read or written.
    """
    final = f"{target}/{number}"
    names = []
    for name in sorted(list_folder(str(version))):
        if name != SAVED_MODEL_FILE and not is_unfinished(name):
            names.append(name)
    store(version, names, final)
    stored = stored_versions(target)
    if number in stored:
        raise taken(final)
    new = sorted(stored.keys() - set(there))
    if new:
        # A later one, or one of a newer model than that which is refreshed.
        raise ServingError(
            f"{target}/{stored[new[-1]]} was put there by another run meanwhile, so this one has "
            "changed nothing. Run it again."
        )
    store(version, [SAVED_MODEL_FILE], final)
    return final


def finish(target: str, number: int, keep: int, there: Collection[int]) -> None:
    """Looks whether this run was alone, and removes all but the latest versions.

    What is left of earlier ones and of broken copies goes, too, once nothing has changed there for
    an hour: a run that is still at work on an earlier number finds this version and gives up. What
    the store refuses now is warned of, as the new version is there.

    Raises:
        ServingError: Another run's version came after this one's last look and before its end.
    """
    try:
        _check_alone(target, number, there)
        _remove_old(target, keep)
    except StorageError as error:
        print(
            f"{target}/{number} is there, but old versions may be, too: {error}. The next run "
            "removes them.",
            file=sys.stderr,
        )


def _check_alone(target: str, number: int, there: Collection[int]) -> None:
    stored = stored_versions(target)
    new = sorted(stored.keys() - {number, *there})
    if new:
        raise ServingError(
            f"{target}/{number} is there and whole, and so is {target}/{stored[new[-1]]}, which "
            f"another run put there at the same time: {max(stored)} is the latest. Run it again if "
            "that isn't the right one."
        )


def _remove_old(target: str, keep: int) -> None:
    first = sorted(stored_versions(target))[-keep:][0]
    listed = list_folder(target)
    now = max(file.changed for file in listed.values())  # by the store's clock
    folders: dict[str, dict[str, StoredFile]] = {}
    for path, file in listed.items():
        folder, slash, name = path.partition("/")
        number = version_number(folder) if slash else None
        if number is not None and number < first:
            folders.setdefault(folder, {})[name] = file
    for folder, files in folders.items():
        idle = now - max(file.changed for file in files.values())
        if SAVED_MODEL_FILE in files:
            delete(f"{target}/{folder}", [SAVED_MODEL_FILE])  # which makes it a version
        elif idle <= _IDLE_SECONDS:
            continue  # a run may be about to complete it
        delete(f"{target}/{folder}", [name for name in files if name != SAVED_MODEL_FILE])
