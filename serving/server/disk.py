"""Which versions of a model lie on disk, and whether their files still change."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from serving.version_dirs import SAVED_MODEL_FILE, version_number

Snapshot = frozenset[tuple[str, int, int]]


def find_versions(base_path: Path) -> dict[int, Path]:
    """The version directories under `base_path` by number; what has no number or no saved_model.pb isn't one.

    Raises:
        OSError: `base_path` can't be listed.
    """
    named = ((version_number(path.name), path) for path in sorted(base_path.iterdir()))
    numbered = {number: path for number, path in named if number is not None}
    return {
        number: path
        for number, path in sorted(numbered.items())
        if (path / SAVED_MODEL_FILE).is_file()
    }


def snapshot(path: Path) -> Snapshot:
    """Name, size in bytes and modification time in ns of every file under `path`, to tell whether a copy goes on."""
    files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    found = set()
    for file in files:
        try:
            status = file.stat()
        except (
            FileNotFoundError
        ):  # renamed or removed since it was listed: the next snapshot will differ
            continue
        found.add((str(file), status.st_size, status.st_mtime_ns))
    return frozenset(found)


def seconds_unchanged(path: Path) -> float:
    """Seconds since any file under `path` was written, renamed or given a date, by the file system's clock."""
    newest = 0.0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                newest = max(newest, os.stat(os.path.join(folder, name)).st_ctime)
    return time.time() - newest
