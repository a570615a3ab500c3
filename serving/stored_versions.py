"""A model's versions in an object store: found there, and copied to this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from preprocessing.stored_folders import StoredFile, fetch, is_unfinished, list_folder
from serving.version_dirs import SAVED_MODEL_FILE, no_version, version_number

_INCOMING = ".incoming-"
Listing = dict[str, StoredFile]


def stored_versions(base_url: str) -> dict[int, str]:
    """The versions below a URL, by number, with their folders' names.

    Raises:
        StorageError: the store can't be asked, or its package is missing.
    """
    found = {}
    for number, (name, _) in _listed(base_url).items():
        found[number] = name
    return found


def newest_stored(url: str) -> str:
    """The URL of the newest version below a URL, or that URL itself if it is one.

    Raises:
        ServingError: there is none.
        StorageError: as for `stored_versions`.
    """
    url = url.rstrip("/")
    itself = version_number(url.rpartition("/")[2]) is not None
    if itself and SAVED_MODEL_FILE in list_folder(url):
        return url
    versions = stored_versions(url)
    if not versions:
        raise no_version(url)
    return f"{url}/{versions[max(versions)]}"


def fetch_version(url: str, target: Path) -> Path:
    """Copies a version of a store to a folder on this machine.

    Returns:
        The copy, which has the version's number for a name.

    Raises:
        StorageError: as for `stored_versions`.
    """
    copy = target / url.rstrip("/").rpartition("/")[2]
    fetch(url, (name for name in list_folder(url) if not is_unfinished(name)), copy)
    return copy


class VersionCopies:
    """Copies of the versions of a model that lie in a store.

    A copy has its name only when all of it is there. It is made again where the store lists other
    files, sizes or times than when it was made, or the version lies at another URL.

    Args:
        folder: Where they go, on this machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copied: dict[int, tuple[str, Listing]] = {}  # of which URL, and its files there

    def find(self, base_url: str, choose: Callable[[Iterable[int]], list[int]]) -> dict[int, Path]:
        """Copies the versions that are chosen, and removes the others' copies.

        Args:
            base_url: The URL of the version directories.
            choose: Which of the versions there are to be copied.

        Returns:
            By number, where the copy of each version is, or would be if it were chosen.

        Raises:
            StorageError: as for `stored_versions`; copies stay as they are.
        """
        listed = _listed(base_url)
        chosen = set(choose(listed))
        for number in sorted(chosen, reverse=True):
            name, files = listed[number]
            url = f"{base_url.rstrip('/')}/{name}"
            if self._copied.get(number) != (url, files):
                self._copy(url, number, files)
        for number in self._copied.keys() - chosen:
            self._forget(number)
        return {number: self._path(number) for number in listed}

    def _path(self, number: int) -> Path:
        return self._folder / str(number)

    def _copy(self, url: str, number: int, files: Listing) -> None:
        incoming = self._folder / f"{_INCOMING}{number}"
        shutil.rmtree(incoming, ignore_errors=True)  # of an attempt that failed
        fetch(url, files, incoming)
        self._forget(number)
        incoming.rename(self._path(number))
        self._copied[number] = url, files

    def _forget(self, number: int) -> None:
        """Removes a copy, or what is left of it: what cleans temporary folders removes old files.

        What can't be removed must not keep a server from newer versions.
        """
        self._copied.pop(number, None)
        shutil.rmtree(self._path(number), ignore_errors=True)


def _listed(base_url: str) -> dict[int, tuple[str, Listing]]:
    """By number, a version's folder's name and its files."""
    folders: dict[str, Listing] = {}
    for path, file in list_folder(base_url).items():
        folder, slash, name = path.partition("/")
        if slash and not is_unfinished(name):
            folders.setdefault(folder, {})[name] = file
    found = {}
    # In the order of names: of 7 and 007 the former counts.
    for folder, files in sorted(folders.items()):
        number = version_number(folder)
        if number is not None and SAVED_MODEL_FILE in files:
            found[number] = folder, files
    return found
