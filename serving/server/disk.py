"""The versions of a model that lie on disk: `<base path>/<number>/saved_model.pb`."""

from __future__ import annotations

import os
from pathlib import Path

SAVED_MODEL_FILE = "saved_model.pb"

Snapshot = frozenset[tuple[str, int, int]]


def find_versions(base_path: Path) -> dict[int, Path]:
    """The version directories under `base_path` by number; what has no number or no saved_model.pb isn't one.

    Raises:
        OSError: `base_path` can't be listed.
    """
    numbered = {int(path.name): path for path in sorted(base_path.iterdir()) if _is_number(path.name)}
    return {number: path for number, path in sorted(numbered.items()) if (path / SAVED_MODEL_FILE).is_file()}


def snapshot(path: Path) -> Snapshot:
    """Name, size in bytes and modification time in ns of every file under `path`, to tell whether a copy goes on."""
    files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    found = set()
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:  # renamed or removed since it was listed: the next snapshot will differ
            continue
        found.add((str(file), status.st_size, status.st_mtime_ns))
    return frozenset(found)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
