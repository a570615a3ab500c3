"""What every way of fetching a data set needs: its report, downloads, and checksums of files."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from preprocessing.errors import DataFetchError
from preprocessing.whole_files import write_whole

Report = Callable[[str], None]
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 60


def download(name: str, url: str, path: Path) -> None:
    """Downloads a file of data set `name`.

    Raises:
        DataFetchError: it can't be reached.
        OSError: the disk refused.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response, path.open("wb") as stream:
            shutil.copyfileobj(response, stream)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DataFetchError(
            f"data set {name}: {url} can't be downloaded: {error}. Is the network in reach? It "
            f"also works to put {url.rpartition('/')[2]} into the folder {name} of the data "
            f"directory by hand."
        ) from error


def is_intact(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this SHA-256."""
    return path.is_file() and sha256_of(path) == sha256


def are_built(folder: Path, files: Sequence[str]) -> bool:
    """Whether all files are in `folder` as `mark_built` saw them."""
    for file in files:
        mark = _mark(folder / file)
        if not mark.is_file() or not is_intact(folder / file, mark.read_text()):
            return False
    return True


def mark_built(folder: Path, files: Sequence[str]) -> None:
    """Keeps the checksum of each file beside it."""
    for file in files:
        write_whole(_mark(folder / file), sha256_of(folder / file))


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def sha256_of(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    return _digest(path, "sha256")


def md5_of(path: Path) -> str:
    """A file's MD5, in hexadecimal; publishers still give it."""
    return _digest(path, "md5")


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
