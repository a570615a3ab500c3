"""Puts a newer statistics table into the model that a server has, as its next version.

The next version is a copy of the newest one with another asset and another manifest, so that
nothing is trained or traced again, and a server loads it, and an operator takes it back, like any
version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from preprocessing.statistics.as_of import AsOf
from preprocessing.stored_folders import list_folder, read_file
from serving import contract
from serving.base_path import check_base_path
from serving.errors import ServingError
from serving.put_version import put_version, versions_at
from serving.rollout import check_keep, newest_here, newest_of
from serving.statistics_as_of import put_table
from serving.target_lock import target_lock
from serving.version_dirs import next_number


def spec_of(target: str | Path) -> dict[str, Any]:
    """The dataset spec that the newest version below `target` was made by.

    Raises:
        ServingError: there is no version, it has no statistics, or its description is damaged.
        StorageError: a store can't be read, or its package is missing.
    """
    version = _newest_at(str(target))
    if contract.STATISTICS_FILE not in list_folder(version):
        raise ServingError(
            f"{version}: no {contract.STATISTICS_FILE} is here, because the model's spec has no "
            "statistics."
        )
    with _damage_named(f"{version}/{contract.CONFIG_FILE}") as content:
        spec: dict[str, Any] = json.loads(content)["spec"]
    return spec


def as_of_at(target: str | Path) -> AsOf | None:
    """Of when the statistics of the newest version below `target` are; None if nothing says it.

    Raises:
        ServingError: there is no version, or what says it is damaged.
        StorageError: a store can't be read, or its package is missing.
    """
    version = _newest_at(str(target))
    if contract.STATISTICS_AS_OF_FILE not in list_folder(version):
        return None
    with _damage_named(f"{version}/{contract.STATISTICS_AS_OF_FILE}") as content:
        return AsOf.from_json(content)


def refresh(
    target: str | Path, table: Path, keep: int = 3, check: Callable[[], None] = lambda: None
) -> str:
    """Makes the next version of the newest one below `target`, with another statistics table.

    Args:
        target: The model's base path on the server, here or in a store.
        table: The table's file.
        keep: Versions that stay, see `rollout`.
        check: Raises what it will where the newest version isn't one that the table is for. Another
            may have come while the table was made; none comes between this call and the copy.

    Returns:
        The version's directory. Its number is the time, in seconds since 1970, as those that runs
        push.

    Raises:
        ServingError: there is no version, the newest one isn't what the export wrote or can't be
            copied, `target` is a version itself, `keep` is less than two, or another run has put a
            version into the same store meanwhile.
        StorageError: a store can't be read or written, or its package is missing.
    """
    check_keep(keep)
    target = str(target)
    _newest_at(target)  # so that no folder is made where there is none
    change = partial(put_table, table=table)
    # The newest is looked for under the lock: what comes meanwhile must not be hidden by a copy of
    # the one before.
    with target_lock(target):
        there = versions_at(target)
        check()
        with newest_here(target) as newest:
            return put_version(newest, target, next_number(target, there), keep, there, change)


def _newest_at(target: str) -> str:
    """The newest version in a base path."""
    check_base_path(target)
    return newest_of(target)


@contextmanager
def _damage_named(path: str) -> Iterator[bytes]:
    """The content of a version's JSON file, which errors in it name."""
    content = read_file(path)
    try:
        yield content
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(
            f"{path}: it isn't what the export wrote: {type(error).__name__}: {error}. Copy the "
            "version again, or export it anew."
        ) from error
