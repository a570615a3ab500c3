"""`srp4ctr rollout SOURCE TARGET`: puts a model version where a server looks for it, at once.

TensorFlow Serving loads a version as soon as it sees its directory, even while a copy into it goes
on. So the copy goes to a name that is no version, and is renamed when all of it is on the disk.
That needs a file system whose renames are atomic (local disks, NFS). Object stores have none: there
`saved_model.pb`, without which a folder is no version, goes last. Source and target may be URLs,
such as gs://bucket/models/ranker.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from preprocessing.paths import absolute, is_local
from preprocessing.stored_folders import delete, list_folder, store
from serving.errors import ServingError
from serving.manifest import check_manifest
from serving.stored_versions import fetch_version, newest_stored, stored_versions
from serving.version_dirs import SAVED_MODEL_FILE, no_version, version_number

_INCOMING = ".incoming-"


def rollout(source: str | Path, target: str | Path, keep: int = 3) -> str:
    """Copies the newest version below `source`, or `source` itself, to `target`.

    Old versions in `target` are removed.

    What a killed run left behind is removed by the next, or overwritten in a store. Two runs at
    once must not have the same target.

    Args:
        source: A directory of versions, or a version; here or in a store.
        target: The model's base path on the server, here or in a store; made if it is missing.
        keep: Versions that stay, the latest ones. At least two: clients hold states of the one
            before.

    Returns:
        The version's new directory.

    Raises:
        ServingError: There is no version, the target has it already, or the copy isn't what the
            export wrote.
        StorageError: A store can't be read or written, or its package is missing.
    """
    check_keep(keep)
    with newest_here(str(source)) as version:
        return put_version(version, str(target), int(version.name), keep)


def newest_of(source: str) -> str:
    """The newest version below a directory or URL, or that itself if it is one.

    Raises:
        ServingError: There is none.
        StorageError: A store can't be asked, or its package is missing.
    """
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


def put_version(
    version: Path,
    target: str,
    number: int,
    keep: int,
    change: Callable[[Path], None] | None = None,
) -> str:
    """Copies a version to `target`, complete at once, and removes old ones there.

    Args:
        version: A version on this machine, which stays as it is.
        target: As for `rollout`.
        number: The version's there.
        keep: As for `rollout`; checked already.
        change: What is to be done to the copy first.

    Returns:
        The version's new directory.

    Raises:
        ServingError, StorageError: As for `rollout`.
    """
    if is_local(target):
        return str(_put_in_place(version, Path(target) / str(number), keep, change))
    target = absolute(target)
    if change is None:
        check_manifest(version)
        return _put_in_store(version, target, number, keep)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "changed"
        _copy(version, changed, change)
        return _put_in_store(changed, target, number, keep)


def _copy(version: Path, copy: Path, change: Callable[[Path], None] | None) -> None:
    """Copies a version that is what the export wrote, and changes the copy."""
    shutil.copytree(version, copy)
    check_manifest(copy)
    if change is not None:
        change(copy)


def _put_in_store(version: Path, target: str, number: int, keep: int) -> str:
    """Copies a version that was checked to a store, and removes old ones there."""
    final = f"{target}/{number}"
    stored = stored_versions(target)
    if number in stored:
        raise _taken(final)
    names: list[str] = []
    for path in version.rglob("*"):
        if path.is_file():
            names.append(path.relative_to(version).as_posix())
    # A version is there once its graph is: that comes last.
    names.sort(key=lambda name: (name == SAVED_MODEL_FILE, name))
    store(version, names, final)
    remaining = sorted({*stored, number})[-keep:]
    for old, name in stored.items():
        if old not in remaining:
            _delete_version(f"{target}/{name}")
    return final


def _delete_version(folder: str) -> None:
    """Deletes what makes it a version first."""
    delete(folder, [SAVED_MODEL_FILE])
    delete(folder, list_folder(folder))


def _put_in_place(
    version: Path, final: Path, keep: int, change: Callable[[Path], None] | None
) -> Path:
    target = final.parent
    incoming = final.with_name(f"{_INCOMING}{final.name}")
    if final.exists():
        raise _taken(str(final))
    target.mkdir(parents=True, exist_ok=True)
    # A killed run has left its copy.
    for left in target.glob(f"{_INCOMING}*"):
        shutil.rmtree(left)
    _copy(version, incoming, change)
    # The content must be on the disk before a name says that it is whole.
    _flush(incoming)
    incoming.rename(final)
    _flush_directory(target)
    for old in sorted(_versions(target), key=lambda path: int(path.name))[:-keep]:
        shutil.rmtree(old)
    return final


def _taken(final: str) -> ServingError:
    return ServingError(
        f"{final} is there already: versions are never changed. Roll out a new one."
    )


def roll_out(
    source: Annotated[
        str, typer.Argument(help="A directory of versions, or a version; gs:// and s3://, too.")
    ],
    target: Annotated[
        str, typer.Argument(help="The model's base path on the server; gs:// and s3://, too.")
    ],
    keep: Annotated[int, typer.Option(help="Versions that stay, at least 2.")] = 3,
) -> None:
    """Put a model version where a server looks for it, complete at once, and remove old ones."""
    try:
        print(f"Rolled out {rollout(source, target, keep)}")
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
    found = [source.absolute()] if (source / SAVED_MODEL_FILE).is_file() else _versions(source)
    numbered = [path for path in found if version_number(path.name) is not None]
    if not numbered:
        raise no_version(source)
    return max(numbered, key=lambda path: int(path.name)).absolute()


def _versions(folder: Path) -> list[Path]:
    # What is copied, or was taken back, has no number for a name.
    found = [path.parent for path in folder.glob(f"*/{SAVED_MODEL_FILE}")]
    return [path for path in found if version_number(path.name) is not None]


def _flush(folder: Path) -> None:
    """Makes sure that a power cut after the rename leaves no empty files."""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                os.fsync(file.fileno())
        _flush_directory(Path(path))


def _flush_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
