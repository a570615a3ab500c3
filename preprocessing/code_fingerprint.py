"""What the source of this project's packages was, by which a change of code is seen."""

from __future__ import annotations

import hashlib
from pathlib import Path

from preprocessing.plugins import packages_with_plugins


def code_fingerprint(*packages: str) -> str:
    """A hash of packages' source.

    TFX's cache sees a change of code as one of input by it, and a backup is found by it. Of
    packages with plugins the version counts.
    """
    root = Path(__file__).parent.parent
    files: list[Path] = []
    for package in packages:
        files += (root / package).rglob("*.py")
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update("".join(packages_with_plugins()).encode())
    return digest.hexdigest()[:16]
