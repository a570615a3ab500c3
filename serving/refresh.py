"""Puts a newer statistics table into the model that a server has, as its next version.

The next version is a copy of the newest one with another asset and another manifest, so that
nothing is trained or traced again, and a server loads it, and an operator takes it back, like any
version.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from serving import contract
from serving.errors import ServingError
from serving.manifest import renew_manifest
from serving.rollout import newest_version, put_in_place


def spec_of(target: Path) -> dict[str, Any]:
    """The dataset spec that the newest version below `target` was made by.

    Raises:
        ServingError: there is no version, or it has no statistics.
    """
    version = newest_version(target)
    if not (version / contract.STATISTICS_FILE).is_file():
        raise ServingError(
            f"{version}: no {contract.STATISTICS_FILE} is here, because the model's spec has no "
            "statistics."
        )
    spec: dict[str, Any] = json.loads((version / contract.CONFIG_FILE).read_bytes())["spec"]
    return spec


def refresh(target: Path, table: Path, keep: int = 3) -> Path:
    """Makes the next version of the newest one below `target`, with another statistics table.

    Args:
        target: The model's base path on the server.
        table: The table's file.
        keep: Versions that stay, see `rollout`.

    Returns:
        The version's directory. Its number is the time, in seconds since 1970, as those that runs
        push.

    Raises:
        ServingError: there is no version.
    """
    newest = newest_version(target)
    # Later than the newest in any case, whatever this machine's clock says.
    final = target / str(max(int(newest.name) + 1, int(time.time())))

    def change(incoming: Path) -> None:
        shutil.copyfile(table, incoming / contract.STATISTICS_FILE)
        renew_manifest(incoming, [contract.STATISTICS_FILE])

    return put_in_place(newest, final, keep, change)
