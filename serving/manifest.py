"""Whether the files of a version are those that its export wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from serving import contract
from serving.errors import ServingError
from serving.version_dirs import SAVED_MODEL_FILE

_CHUNK = 2**20  # bytes that are read at once
_ADVICE = "Is a copy still going on? Copy the version again, or export it anew."
# In the graph of each version that was exported since exports write manifests.
_MARK = contract.USER_STATE.encode()


def has_manifest(version: Path) -> bool:
    """Whether a version directory has a manifest.

    Models of other tools have none, nor has a copy that isn't complete yet.
    """
    return (version / contract.MANIFEST_FILE).is_file()


def check_manifest(version: Path) -> None:
    """Compares all files with the manifest; versions of other tools need none.

    Files that it doesn't name may be there.

    Raises:
        ServingError: A file is missing or differs, or the manifest can't be read. The message names
            it.
    """
    if not has_manifest(version):
        if _is_marked(version / SAVED_MODEL_FILE):
            raise ServingError(
                f"{version / contract.MANIFEST_FILE}: the export wrote a manifest, and it isn't "
                f"there. {_ADVICE}"
            )
        return
    files = _read(version / contract.MANIFEST_FILE)
    # Sizes first: they are cheap, and tell of most copies that aren't whole.
    for name, expected in files.items():
        path = version / name
        found = path.stat().st_size if path.is_file() else None
        if found != expected["bytes"]:
            shown = "nothing" if found is None else f"{found} bytes"
            raise ServingError(
                f"{path}: the manifest has {expected['bytes']} bytes. Found: {shown}. {_ADVICE}"
            )
    for name, expected in files.items():
        if _digest(version / name) != expected["sha256"]:
            raise ServingError(
                f"{version / name}: its content is not what the manifest says (SHA-256). {_ADVICE}"
            )


def renew_manifest(version: Path, names: Iterable[str]) -> None:
    """Writes the manifest anew, if there is one, with some files as they are now.

    Args:
        version: A version directory.
        names: The files, relative to it.
    """
    if not has_manifest(version):
        return
    files = _read(version / contract.MANIFEST_FILE)
    for name in names:
        files[name] = {"bytes": (version / name).stat().st_size, "sha256": _digest(version / name)}
    (version / contract.MANIFEST_FILE).write_text(
        json.dumps({"files": dict(sorted(files.items()))}, indent=1)
    )


def _is_marked(saved_model: Path) -> bool:
    try:
        return _MARK in saved_model.read_bytes()
    except OSError:  # removed since it was found: loading it will say so
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        files = json.loads(path.read_bytes())["files"]
        found: dict[str, Any] = {}
        for name, entry in files.items():
            found[name] = {"bytes": entry["bytes"], "sha256": entry["sha256"]}
        return found
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        # Whatever JSON of another shape raises: half a manifest is a copy that isn't whole.
        raise ServingError(
            f"{path}: no manifest of a version: {type(error).__name__}: {error}. {_ADVICE}"
        ) from None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:  # removed since its size was read
        raise ServingError(f"{path}: can't be read: {error}. {_ADVICE}") from None
    return digest.hexdigest()
