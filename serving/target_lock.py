"""One run at a time puts versions into a model's base path on this machine."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from preprocessing.paths import is_local
from serving.errors import ServingError

LOCK_FILE = ".srp4ctr-lock"  # which is no version's name, and stays there


@contextmanager
def target_lock(target: str) -> Iterator[None]:
    """Waits until no other run is at work in a base path, and keeps others waiting meanwhile.

    The kernel lets go of the lock of a run that is killed. Stores have no locks: there nothing is
    waited for.

    Args:
        target: A model's base path, which is made if it is missing.

    Raises:
        ServingError: It can't be made or locked.
    """
    if not is_local(target):
        yield
        return
    try:
        lock = _locked(Path(target))
    except OSError as error:
        raise ServingError(f"{target} can't be made or locked: {error}") from error
    with lock:
        yield


def _locked(folder: Path) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    # For writing: over NFS, only such a file can be locked.
    lock = (folder / LOCK_FILE).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"{folder}: waits for another run that puts a version there.", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
