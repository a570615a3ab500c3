"""What every way of fetching a data set needs: its error, its report, whole files."""

from __future__ import annotations

import hashlib
import os
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


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside `path` and renames, so that no reader ever sees half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
