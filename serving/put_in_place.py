"""Puts a version into a model's base path on this machine, complete at once.

TensorFlow Serving loads a version as soon as it sees its directory, even while a copy into it goes
on. So the copy goes to a name that is no version, and is renamed when all of it is on the disk; and
an old version has such a name before it is removed. That needs a file system whose renames are
atomic (local disks, NFS).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from serving.copy_version import Change, copy_version, flush_directory, remove
from serving.errors import ServingError
from serving.version_dirs import SAVED_MODEL_FILE, taken, version_dirs

_INCOMING = ".incoming-"
_REMOVED = ".removed-"


def put_in_place(version: Path, final: Path, keep: int, changes: Collection[Change]) -> Path:
    """Copies a version that is what the export wrote, changed, and removes old ones.

    What killed runs have left behind is removed. What can't be removed is warned of.

    Args:
        version: A version on this machine, which stays as it is.
        final: Its new directory. The lock of the one above is held.
        keep: Versions that stay beside it there, with this one.
        changes: What is to be done to the copy.

    Returns:
        The new directory.

    Raises:
        ServingError: It is there already, or the version isn't whole or can't be copied.
    """
    target = final.parent
    _check_free(final)
    # Whoever is at work has the lock, which is this run.
    for left in sorted(target.iterdir()):
        if left.name.startswith((_INCOMING, _REMOVED)):
            _try_to_remove(left)
    incoming = final.with_name(f"{_INCOMING}{final.name}")
    copy_version(version, incoming, changes)
    others = sorted(version_dirs(target), key=lambda path: int(path.name))
    incoming.rename(final)
    flush_directory(target)
    for old in others[: 1 - keep]:
        _try_to_remove(old)
    return final


def _check_free(final: Path) -> None:
    if (final / SAVED_MODEL_FILE).is_file():
        raise taken(str(final))
    if os.path.lexists(final):
        raise ServingError(
            f"{final} is there, but {SAVED_MODEL_FILE} isn't in it: no version, but what is left "
            "of a copy or a removal that broke off. Remove it, and run this again."
        )


def _try_to_remove(path: Path) -> None:
    """Removes a version, or what is left of one, under a name that no server looks at."""
    try:
        if not path.name.startswith((_INCOMING, _REMOVED)):
            path = path.rename(path.with_name(f"{_REMOVED}{path.name}"))
        remove(path)
    except OSError as error:
        print(
            f"{path} can't be removed: {error.strerror or error}. The next run tries again, or "
            "remove it by hand.",
            file=sys.stderr,
        )
