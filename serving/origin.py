"""Which version a copy with another number was made of: the one that a run pushed and reports."""

from __future__ import annotations

import json
import operator
from pathlib import Path

from preprocessing.paths import is_local
from preprocessing.stored_folders import list_folder, read_file
from serving.errors import ServingError
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
        ServingError: Its note isn't what `note_origin` writes.
        StorageError: A store can't be read, or its package is missing.
    """
    version = version.rstrip("/")
    path = f"{version}/{ORIGIN_FILE}"
    is_noted = Path(path).is_file() if is_local(version) else ORIGIN_FILE in list_folder(version)
    if not is_noted:
        return int(version.rpartition("/")[2])
    content = read_file(path)
    try:
        return operator.index(json.loads(content)["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(
            f"{path}: it doesn't say which version this is a copy of: {type(error).__name__}: "
            f"{error}. Copy the version again, or take it away."
        ) from error
