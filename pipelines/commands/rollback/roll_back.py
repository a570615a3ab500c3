"""`srp4ctr rollback`: the version before is served again.

The one that was taken back is no longer blessed.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.config import RunConfig
from pipelines.errors import RunError
from pipelines.metadata import RunMetadata
from serving.version_dirs import version_number

WITHDRAWN = ".withdrawn-"  # no version's name, so that no server looks into it


def roll_back(config: RunConfig) -> tuple[str, str]:
    """Takes the newest pushed version back.

    Its blessing goes first: a command that was killed in between is run again and ends well. A
    server that watches the folder unloads the version and serves the one before. Later runs compare
    with an earlier model.

    Returns:
        The version that was taken back, and the one that is the newest now.

    Raises:
        RunError: there is no version before it, or versions are not on this machine.
    """
    paths = config.paths
    if not paths.is_local:
        raise RunError(
            f"{paths.pushed}: only versions on this machine are taken back. Delete the newest one "
            "there."
        )
    versions = sorted(_versions(paths.serving_model), reverse=True)
    if len(versions) < 2:
        raise RunError(
            f"{paths.pushed}: {len(versions) or 'no'} pushed version(s), so there is none to go "
            "back to."
        )
    newest, before = map(str, versions[:2])
    # The blessing goes first, for the reason above.
    RunMetadata(paths.metadata, config.dataset.name).withdraw(newest)
    (paths.serving_model / newest).rename(paths.serving_model / f"{WITHDRAWN}{newest}")
    return newest, before


def _versions(pushed: Path) -> list[int]:
    versions: list[int] = []
    for folder in pushed.glob("*"):
        number = version_number(folder.name)
        if number is not None and folder.is_dir():
            versions.append(number)
    return versions
