"""Data sets that are made of one file on the open web, which is checked against its SHA-256."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from preprocessing.datasets.files import (
    Report,
    are_built,
    download,
    is_intact,
    mark_built,
    sha256_of,
)
from preprocessing.errors import DataFetchError
from preprocessing.whole_files import whole_file


@dataclasses.dataclass(frozen=True)
class DownloadedDataset:
    """A data set that is built from a file that anyone may download.

    Attributes:
        name: What it is called on the command line, and its folder below the data directory.
        origin: Who made it, and where it is described.
        licence: What may be done with it, in a sentence.
        url: The file. One that was put into the folder by hand is used instead of a download.
        sha256: Its checksum.
        build: Makes `built` from it, in its folder.
        built: The files that are made, whose checksums are kept beside them.
    """

    name: str
    origin: str
    licence: str
    url: str
    sha256: str
    build: Callable[[Path], None]
    built: tuple[str, ...]

    def fetch(self, folder: Path, report: Report) -> None:
        """Brings the file into `folder`, unless it is there as a whole, and builds `built`.

        Raises:
            DataFetchError: the download failed, or its checksum differs.
            OSError: the disk refused.
        """
        file = folder / self.url.rpartition("/")[2]
        is_there = is_intact(file, self.sha256)
        if is_there and are_built(folder, self.built):
            report(f"{self.name} is already in {folder}, checksums right.")
            return
        if not is_there:
            folder.mkdir(parents=True, exist_ok=True)
            report(f"Downloading {self.url}. {self.licence}")
            self._download(file)
        report(f"Building {', '.join(self.built)} in {folder}.")
        self.build(folder)
        mark_built(folder, self.built)

    def _download(self, file: Path) -> None:
        with whole_file(file) as part:
            download(self.name, self.url, part)
            found = sha256_of(part)
            if found != self.sha256:
                raise DataFetchError(
                    f"data set {self.name}: {self.url} has SHA-256 {found}, expected "
                    f"{self.sha256}. Nothing was written."
                )
