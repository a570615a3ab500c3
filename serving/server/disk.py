"""Which versions of a model lie on disk, and whether their files still change."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from serving.version_dirs import SAVED_MODEL_FILE, version_number

Snapshot = frozenset[tuple[str, int, int]]


def find_versions(base_path: Path) -> dict[int, Path]:
    """The version directories under `base_path`, by number.

    What has no number for a name, or no saved_model.pb, is none.

    Raises:
        OSError: `base_path` can't be listed.
    """
    # In the order of names: of 7 and 007 the former counts.
    numbered: dict[int, Path] = {}
    for path in sorted(base_path.iterdir()):
        number = version_number(path.name)
        if number is not None:
            numbered[number] = path
    found = {}
    for number, path in sorted(numbered.items()):
        if (path / SAVED_MODEL_FILE).is_file():
            found[number] = path
    return found


def snapshot(path: Path) -> Snapshot:
    """The files under `path`, to tell whether a copy goes on.

    Returns:
        Name, size in bytes and modification time in ns of each.
    """
    files: list[Path] = []
    for folder, _, names in os.walk(path):
        files += [Path(folder) / name for name in names]
    found = set()
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:
            # Renamed or removed since it was listed: the next snapshot will differ.
            continue
        found.add((str(file), status.st_size, status.st_mtime_ns))
    return frozenset(found)


def seconds_unchanged(path: Path) -> float:
    """Seconds since a file under `path` was last written, renamed or given a date.

    By the file system's clock: nobody can set it back, as a date can be.
    """
    newest = 0.0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                newest = max(newest, os.stat(os.path.join(folder, name)).st_ctime)
    return time.time() - newest
