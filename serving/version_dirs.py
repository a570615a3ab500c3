"""How a model's versions lie on disk: `<base path>/<number>/saved_model.pb`."""

from __future__ import annotations

from serving.errors import ServingError

SAVED_MODEL_FILE = "saved_model.pb"


def version_number(name: str) -> int | None:
    """The version that a directory of this name holds; None if the name is no number."""
    return int(name) if name.isascii() and name.isdigit() else None


def no_version(place: object) -> ServingError:
    """The error for a directory without a version."""
    return ServingError(
        f"{place}: no model version here, which is a directory with a number and "
        f"{SAVED_MODEL_FILE}."
    )
