"""`srp4ctr rollout SOURCE TARGET`: puts a model version where a server looks for it, at once.

Source and target may be URLs, such as gs://bucket/models/ranker. How a version is put there:
put_version.py.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from preprocessing.paths import is_local, path_problem
from serving.base_path import check_base_path
from serving.errors import ServingError
from serving.origin import origin_of
from serving.put_version import put_version, versions_at
from serving.stored_versions import fetch_version, newest_stored
from serving.target_lock import target_lock
from serving.version_dirs import (
    SAVED_MODEL_FILE,
    next_number,
    no_version,
    taken,
    version_dirs,
    version_number,
)


def rollout(source: str | Path, target: str | Path, keep: int = 3) -> str:
    """Copies the newest version below `source`, or `source` itself, to `target`.

    There it is the latest version: it keeps its number if that is later than all there, and gets
    the time for a number otherwise, as `srp4ctr statistics` numbers its copies. Old versions in
    `target` are removed.

    Another run with the same target on this machine is waited for; what a killed one left behind is
    removed. In a store nobody waits: where another run was quicker, this one gives up, and where
    another has begun with the number, this one takes a later number (put_in_store.py).

    Args:
        source: A directory of versions, or a version; here or in a store.
        target: The model's base path on the server, here or in a store; made if it is missing.
        keep: Versions that stay, the latest ones. At least two: clients hold states of the one
            before.

    Returns:
        The version's new directory.

    Raises:
        ServingError: There is no version, the target has it already or is a version, the copy isn't
            what the export wrote or can't be made, or another run has put a version into the same
            store meanwhile.
        StorageError: A store can't be read or written, or its package is missing.
    """
    check_keep(keep)
    target = str(target)
    check_base_path(target)
    with newest_here(str(source)) as version, target_lock(target):
        there = versions_at(target)
        number = _number_of(version, target, there)
        return put_version(version, target, number, keep, there)


def _number_of(version: Path, target: str, there: Mapping[int, str]) -> int:
    """The number that a version gets in `target`: its own, if that makes it the latest there.

    Raises:
        ServingError: It is there already, or its copy with newer statistics is the latest.
    """
    number = int(version.name)
    if number in there:
        raise taken(f"{target}/{there[number]}")
    latest = max(there, default=-1)
    if number > latest:
        return number
    newest = f"{target}/{there[latest]}"
    origin = origin_of(newest)
    if origin == origin_of(str(version)):
        raise ServingError(
            f"{newest} is a later copy of version {origin}, as `srp4ctr rollout` and "
            f"`srp4ctr statistics` make them. Roll out a new one."
        )
    return next_number(target, there)


def newest_of(source: str) -> str:
    """The newest version below a directory or URL, or that itself if it is one.

    Raises:
        ServingError: There is none.
        StorageError: A store can't be asked, or its package is missing.
    """
    problem = path_problem(source)
    if problem:
        raise ServingError(f"Versions' directory: {problem}. Received: '{source}'")
    return str(newest_version(Path(source))) if is_local(source) else newest_stored(source)


@contextmanager
def newest_here(source: str) -> Iterator[Path]:
    """The newest version on this machine, where a copy of one in a store goes for a while.

    Raises:
        ServingError, StorageError: As for `newest_of`.
    """
    newest = newest_of(source)
    if is_local(source):
        yield Path(newest)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield fetch_version(newest, Path(folder))


def roll_out(
    source: Annotated[
        str, typer.Argument(help="A directory of versions, or a version; gs:// and s3://, too.")
    ],
    target: Annotated[
        str, typer.Argument(help="The model's base path on the server; gs:// and s3://, too.")
    ],
    keep: Annotated[int, typer.Option(help="Versions that stay, at least 2.")] = 3,
) -> None:
    """Put a model version where a server looks for it, as the latest, and remove old ones."""
    try:
        final = rollout(source, target, keep)
        name = final.rpartition("/")[2]
        origin = origin_of(final)
        renumbered = "" if str(origin) == name else f", which was version {origin} when pushed"
        print(f"Rolled out {final}{renumbered}")
    except OSError as error:
        raise ServingError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> None:
    """The command with its arguments."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(roll_out)
    try:
        app(argv, prog_name="python -m serving.rollout", standalone_mode=argv is None)
    except ServingError as error:
        sys.exit(f"Error: {error}")


def check_keep(keep: int) -> None:
    """Refuses to keep too few versions.

    Raises:
        ServingError: `keep` is less than two.
    """
    if keep < 2:
        raise ServingError(
            "At least two versions must stay: clients score with the one before. Received: "
            f"keep={keep}"
        )


def newest_version(source: Path) -> Path:
    """The newest version below a directory, or the directory itself if it is one.

    Raises:
        ServingError: there is none.
    """
    found = [source.absolute()] if (source / SAVED_MODEL_FILE).is_file() else version_dirs(source)
    numbered = [path for path in found if version_number(path.name) is not None]
    if not numbered:
        raise no_version(source)
    return max(numbered, key=lambda path: int(path.name)).absolute()


if __name__ == "__main__":
    main()
