"""Fingerprints of source code: caches see a change of code as one of input by them."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from preprocessing.plugins import packages_with_plugins

_ROOT = Path(__file__).parent.parent
# Where the package is installed, all others lie beside it.
_OWN = ("pipelines", "preprocessing", "serving", "trainer")


def code_fingerprint(*parts: str, alone: Sequence[str] = (), root: Path = _ROOT) -> str:
    """A hash of the source of packages and modules, and of all own modules that these import.

    Of packages with plugins the version counts.

    Args:
        parts: Folders and files, such as "trainer" or "pipelines/evaluated.py".
        alone: Files that count themselves, but not what they import.
        root: Where they are.
    """
    files = source_files(parts, root) | {root / name for name in alone}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    digest.update("".join(packages_with_plugins()).encode())
    return digest.hexdigest()[:16]


def source_files(parts: Sequence[str], root: Path = _ROOT) -> set[Path]:
    """The files of packages and modules, and of what they import of this package.

    An import counts wherever it is in a file, but for those that only type checkers see. A module
    that is named by a string, and so is imported by no statement, has to be among the parts.

    Raises:
        FileNotFoundError: a part is neither a folder with code nor a file.
    """
    left: list[Path] = []
    for part in parts:
        path = root / part
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        if not all(file.is_file() for file in found) or not found:
            raise FileNotFoundError(f"{path}: no code is here to make a fingerprint of.")
        left += found
    files: set[Path] = set()
    while left:
        path = left.pop()
        if path not in files:
            files.add(path)
            left += _imported(path, root)
    return files


def _imported(path: Path, root: Path) -> Iterator[Path]:
    """This package's files that a file's imports read, each folder's own among them."""
    for name in _names(path.read_text(encoding="utf-8")):
        parts = name.split(".")
        if parts[0] not in _OWN:
            continue
        # Python reads the __init__.py of each package on the way.
        for length in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:length])
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file.is_file():
                    yield file


@functools.cache
def _names(source: str) -> frozenset[str]:
    """What a source imports, such as `trainer.data` and, of its names, `trainer.data.densify`."""
    found: set[str] = set()
    left: list[ast.AST] = [ast.parse(source)]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A name may be a module of the package.
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif _is_for_type_checkers(node):
            continue
        left += ast.iter_child_nodes(node)
    return frozenset(found)


def _is_for_type_checkers(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
