"""Files that break off or can't be opened: which ones may, and what is lost with them."""

from __future__ import annotations

import fnmatch

from preprocessing.errors import BrokenFileError
from preprocessing.quarantine import RejectedRow
from preprocessing.sources.files import size_of
from preprocessing.spec_sources import Files
from preprocessing.spec_tables import Table


def may_break_off(path: str, table: Table) -> bool:
    """Whether the spec puts up with what can't be read of a file."""
    patterns = table.source.may_break_off if isinstance(table.source, Files) else ()
    # A name or a path without its beginning will do, so each has to begin after a slash.
    for name in patterns:
        if f"/{path}".endswith(f"/{name}") or fnmatch.fnmatchcase(f"/{path}", f"*/{name}"):
            return True
    return False


def with_hint(error: BrokenFileError, name: str) -> str:
    """What is wrong with a file of a table, and what would do."""
    return (
        f"{error} Bring the file again. Or name it in {name}.may_break_off: then what comes before "
        f"is read, and the rest counts as bad rows."
    )


def lost_rest(error: BrokenFileError, table: Table, name: str, path: str) -> RejectedRow:
    """What stands for the rows of a file that can't be read.

    Raises:
        BrokenFileError: the file isn't one that may break off.
    """
    if not may_break_off(path, table):
        raise BrokenFileError(with_hint(error, name), error.row, error.bytes_read) from error
    try:
        lost = max(size_of(path) - error.bytes_read, 0)
    except OSError:
        lost = 0
    return RejectedRow(name, path, error.row, "truncated", str(error), lost_bytes=lost)
