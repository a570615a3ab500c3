"""The check that no folder of a job's records has an earlier job's, in other shards."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from preprocessing.errors import DataError
from preprocessing.paths import is_local
from preprocessing.stored_folders import StorageError, list_folder

_SHARD = re.compile(r"data_tfrecord-\d{5,}-of-(\d{5,})\.gz")


def check_shards(directories: Iterable[str], shards: int) -> None:
    """Checks that records of so many shards replace those that are there.

    Others would stay beside them, and be read with them. They aren't removed: the job that makes
    them may still run, and would put them back.

    Args:
        directories: Of splits whose records are spread over shards.
        shards: How many.

    Raises:
        DataError: there are records of another number of shards, or a store can't be asked.
    """
    for directory in directories:
        for name in _names(directory):
            found = _SHARD.fullmatch(name)
            if found is not None and int(found[1]) != shards:
                raise DataError(
                    f"{directory}: {name} is of a job with {int(found[1])} shards, and this one "
                    f"has {shards}: both jobs' records would be read. Name another folder, or "
                    "delete that one once no job writes there."
                )


def _names(directory: str) -> list[str]:
    """The files of a directory; none where it isn't there yet."""
    if is_local(directory):
        return sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    try:
        return sorted(list_folder(directory))
    except StorageError as error:
        raise DataError(str(error)) from error
