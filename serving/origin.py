"""Which version a copy with another number was made of: the one that a run pushed and reports."""

from __future__ import annotations

import json
from pathlib import Path

from preprocessing.paths import is_local
from preprocessing.stored_folders import list_folder, read_file
from serving.manifest import renew_manifest

ORIGIN_FILE = "assets.extra/srp4ctr_origin.json"


def note_origin(copy: Path, version: Path) -> None:
    """Notes in a copy of a version which one it is of; a copy of a copy says what that says."""
    path = copy / ORIGIN_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"version": origin_of(str(version))}))
    renew_manifest(copy, [ORIGIN_FILE])


def origin_of(version: str) -> int:
    """The number that a version had first.

    Args:
        version: Its directory, here or in a store.

    Raises:
        StorageError: A store can't be read, or its package is missing.
    """
    number = int(version.rstrip("/").rpartition("/")[2])
    if is_local(version):
        path = Path(version) / ORIGIN_FILE
        content = path.read_bytes() if path.is_file() else b""
    else:
        there = ORIGIN_FILE in list_folder(version)
        content = read_file(f"{version}/{ORIGIN_FILE}") if there else b""
    return int(json.loads(content)["version"]) if content else number
