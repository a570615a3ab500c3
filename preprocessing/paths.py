"""Paths on this machine, and URLs such as gs://bucket/folder."""

from __future__ import annotations

from pathlib import Path

PATTERN_MARKS = "[]*?{}"  # each makes a path a pattern to one of Beam, TensorFlow and TFX


def is_local(path: str) -> bool:
    """Whether a path is on this machine rather than a URL such as gs://bucket/folder."""
    return "://" not in path


def is_pattern(path: str) -> bool:
    """Whether a path may be read as a pattern, so that the file of that very name isn't found."""
    return any(mark in path for mark in PATTERN_MARKS)


def absolute(path: str) -> str:
    """A local path made absolute, without a slash at its end; a URL stays as it is.

    Workers on other machines, and in other processes, have working directories of their own.
    """
    return str(Path(path).absolute()) if is_local(path) else path.rstrip("/")
