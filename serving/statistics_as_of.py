"""Of when the statistics table of a version is, beside the table."""

from __future__ import annotations

import shutil
from pathlib import Path

from preprocessing.statistics.as_of import AsOf
from serving import contract
from serving.manifest import renew_manifest


def statistics_as_of(version: Path) -> AsOf | None:
    """Of when a version's statistics are; None without statistics, and where nothing says it."""
    path = version / contract.STATISTICS_AS_OF_FILE
    return AsOf.from_json(path.read_bytes()) if path.is_file() else None


def put_table(version: Path, table: Path) -> None:
    """Gives a version another statistics table, which is the file `table`."""
    with table.open("rb") as lines:
        as_of = AsOf.of_lines(lines)
    shutil.copyfile(table, version / contract.STATISTICS_FILE)
    # Also of a table that doesn't say, or there would be the time of the one before.
    path = version / contract.STATISTICS_AS_OF_FILE
    path.write_text("{}" if as_of is None else as_of.to_json())
    renew_manifest(version, [contract.STATISTICS_FILE, contract.STATISTICS_AS_OF_FILE])
