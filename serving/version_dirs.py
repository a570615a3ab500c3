"""How a model's versions lie on disk: `<base path>/<number>/saved_model.pb`."""

from __future__ import annotations

from pathlib import Path

from serving.errors import ServingError

SAVED_MODEL_FILE = "saved_model.pb"


def version_number(name: str) -> int | None:
    """The version that a directory of this name holds; None if the name is no number."""
    return int(name) if name.isascii() and name.isdigit() else None


def version_dirs(folder: Path) -> list[Path]:
    """The versions in a folder on this machine, in no order; none if it isn't there."""
    # What is copied, or was taken back, has no number for a name.
    found = [path.parent for path in folder.glob(f"*/{SAVED_MODEL_FILE}")]
    return [path for path in found if version_number(path.name) is not None]


def no_version(place: object) -> ServingError:
    """The error for a directory without a version."""
    return ServingError(
        f"{place}: no model version here, which is a directory with a number and "
        f"{SAVED_MODEL_FILE}."
    )
