"""Paths on this machine, and URLs such as gs://bucket/folder."""

from __future__ import annotations

import re
from pathlib import Path

PATTERN_MARKS = "[]*?{}"  # each makes a path a pattern to one of Beam, TensorFlow and TFX

# Of URLs that are asked for somewhere here: the last three are stores of users' states.
_SCHEMES = ("gs", "s3", "hdfs", "redis", "rediss", "unix")
_IN_BUCKETS = ("gs", "s3")
_QUOTED = re.compile(r"\[([*?[])\]")
_BEGINS_WITH_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)


def path_problem(path: str) -> str:
    """Why a text is neither a path on this machine nor a URL, as a sentence without its end.

    Returns:
        "" if it is one of the two. Names with a colon, such as log-12:00.csv, are.
    """
    if not path.strip():
        return "it is empty, as an unset variable would leave it"
    found = _BEGINS_WITH_SCHEME.fullmatch(path)
    if found is None:
        return ""
    scheme, rest = found[1].lower(), found[2]
    url = f"{scheme}://{rest.lstrip('/')}"
    if not rest.startswith("//"):
        is_meant = scheme in _SCHEMES or rest.startswith("/")
        return _half_url(path, url) if is_meant else ""
    rest = rest.removeprefix("//")
    if not rest.strip("/") or (scheme in _IN_BUCKETS and rest.startswith("/")):
        return f"{path} names nothing after its scheme: {scheme}://bucket/folder would"
    if scheme != found[1]:
        return f"{path} has its scheme in capitals: {url} would do"
    return ""


def _half_url(path: str, url: str) -> str:
    return f"{path} is neither a URL, such as {url}, nor a name here, which would be ./{path}"


def is_local(path: str) -> bool:
    """Whether a path is on this machine rather than a URL such as gs://bucket/folder."""
    return "://" not in path


def is_pattern(path: str) -> bool:
    """Whether a path may be read as a pattern, so that the file of that very name isn't found."""
    return any(mark in path for mark in PATTERN_MARKS)


def unquoted(pattern: str) -> str:
    """The name that a pattern is, where glob.escape quoted parts of it."""
    return _QUOTED.sub(r"\1", pattern)


def absolute(path: str) -> str:
    """A local path made absolute, without a slash at its end; a URL stays as it is.

    Workers on other machines, and in other processes, have working directories of their own.
    """
    return str(Path(path).absolute()) if is_local(path) else path.rstrip("/")
