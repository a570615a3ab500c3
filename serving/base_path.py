"""Whether a model's versions can be put into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preprocessing.paths import is_local, path_problem
from preprocessing.stored_folders import list_folder
from serving.errors import ServingError
from serving.version_dirs import SAVED_MODEL_FILE, version_number


def check_base_path(target: str) -> None:
    """Refuses what is no path, a version, and what is in a version: servers find no version there.

    Args:
        target: What should be a model's base path, here or in a store; it may be missing.

    Raises:
        ServingError: It is none.
        StorageError: A store can't be read, or its package is missing.
    """
    problem = path_problem(target)
    if problem:
        raise ServingError(f"A model's base path: {problem}. Received: '{target}'")
    for version in _versions_around(target):
        raise ServingError(
            f"{target}: {version} is a version, and versions go into the directory that it is in. "
            "Name that."
        )


def _versions_around(target: str) -> Iterator[str]:
    """The versions that a path is, or is in."""
    if is_local(target):
        path = Path(target).resolve()
        for folder in (path, *path.parents):
            if (folder / SAVED_MODEL_FILE).is_file():
                yield str(folder)
        return
    url = target.rstrip("/")
    while "://" in url:
        # Only such are asked for: a store lists all that is below.
        is_number = version_number(url.rpartition("/")[2]) is not None
        if is_number and SAVED_MODEL_FILE in list_folder(url):
            yield url
        url = url.rpartition("/")[0]
