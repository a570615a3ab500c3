"""Local files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and renames it to `path` at the end.

    No reader ever sees half a file. If the body fails, `path` stays as it was. What a link leads to
    is replaced, not the link.

    Raises:
        FileExistsError: `path` is there and is no file, such as a device, which a rename would take
            from the machine.

    Example:
        with whole_file(Path("log.parquet")) as part:
            pq.write_table(table, part)
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is there and is no file", str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Writes a file in one step; text as UTF-8."""
    with whole_file(path) as part:
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
