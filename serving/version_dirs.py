"""How a model's versions lie on disk: `<base path>/<number>/saved_model.pb`."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from serving.errors import ServingError

SAVED_MODEL_FILE = "saved_model.pb"


LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving's messages have 64 bits for it


def version_number(name: str) -> int | None:
    """The version that a directory of this name holds; None if the name is no number.

    Nor is one that is too large for the servers' messages, such as a time with microseconds as 20
    digits. TensorFlow Serving doesn't see such a directory either.
    """
    if not (name.isascii() and name.isdigit()):
        return None
    number = int(name)
    return number if number <= LARGEST_VERSION else None


def version_dirs(folder: Path) -> list[Path]:
    """The versions in a folder on this machine, in no order; none if it isn't there."""
    # What is copied, or was taken back, has no number for a name.
    found = [path.parent for path in folder.glob(f"*/{SAVED_MODEL_FILE}")]
    return [path for path in found if version_number(path.name) is not None]


def next_number(target: str, there: Collection[int]) -> int:
    """A number later than those of all versions in `target`, whatever this machine's clock says.

    It is the time, in seconds since 1970, as for those that runs push.

    Raises:
        ServingError: None that servers see is left.
    """
    number = max(max(there, default=0) + 1, int(time.time()))
    if number > LARGEST_VERSION:
        raise ServingError(
            f"{target} has version {max(there)}, after which servers see no later one. Give that "
            "directory another number."
        )
    return number


def taken(final: str) -> ServingError:
    """The error for a version that a target has already."""
    return ServingError(
        f"{final} is there already: versions are never changed. Roll out a new one."
    )


def no_version(place: object) -> ServingError:
    """The error for a directory without a version."""
    return ServingError(
        f"{place}: no model version here, which is a directory with {SAVED_MODEL_FILE} "
        f"and, for a name, a number up to {LARGEST_VERSION}."
    )
