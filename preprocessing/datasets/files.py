"""What every way of fetching a data set needs: its report, and checksums of files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

Report = Callable[[str], None]
_CHUNK_BYTES = 1 << 20


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
