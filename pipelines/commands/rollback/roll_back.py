"""`srp4ctr rollback`: the version before is served again.

The model that was taken back is no longer blessed. A version that `srp4ctr statistics` made of
another has that one's model: it is blessed until neither is served.
"""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from pathlib import Path

from pipelines.config import RunConfig
from pipelines.errors import RunError
from pipelines.metadata import RunMetadata
from serving.origin import origin_of
from serving.version_dirs import SAVED_MODEL_FILE, version_number

WITHDRAWN = ".withdrawn-"  # no version's name, so that no server looks into it


def roll_back(config: RunConfig) -> tuple[str, str]:
    """Takes the newest pushed version back.

    Its model's blessing goes first, unless the version before has the same model: a command that
    was killed in between is run again and ends well. A server that watches the folder unloads the
    version and serves the one before. Later runs compare with an earlier model.

    Returns:
        The version that was taken back, and the one that is the newest now.

    Raises:
        RunError: there is no version before it, no run pushed its model, or versions are not on
            this machine.
    """
    paths = config.paths
    if not paths.is_local:
        raise RunError(
            f"{paths.pushed}: only versions on this machine are taken back. If you delete the "
            "newest one there, servers go back to the one before, but its blessing stays: later "
            "runs compare with the deleted model, until one is pushed."
        )
    versions = sorted(_versions(paths.serving_model), reverse=True)
    if len(versions) < 2:
        raise RunError(
            f"{paths.pushed}: {'one' if versions else 'no'} pushed version, so there is none to go "
            "back to."
        )
    newest, before = map(str, versions[:2])
    metadata = RunMetadata(paths.metadata, config.dataset.name)
    pushed = metadata.pushed_models()
    origin = _origin(paths.serving_model, newest, pushed)
    if origin is None:
        raise RunError(
            f"version {newest} was not pushed by the runs of {config.dataset.name}, nor made of "
            "one that was, so it can't be taken back."
        )
    # The blessing goes first, for the reason above.
    if origin != _origin(paths.serving_model, before, pushed):
        metadata.withdraw(origin)
    (paths.serving_model / newest).rename(paths.serving_model / f"{WITHDRAWN}{newest}")
    return newest, before


def _origin(served: Path, version: str, pushed: Mapping[str, str]) -> str | None:
    """The pushed version that a version is, or whose model it has; None if there is none.

    Args:
        served: Where versions are served from.
        version: Its name.
        pushed: Where Pushers left their models, by version.
    """
    noted = str(origin_of(str(served / version)))
    if noted in pushed:
        return noted
    # An earlier version's copies have no note.
    for earlier in sorted(pushed, key=int, reverse=True):
        places = (served / earlier, served / f"{WITHDRAWN}{earlier}", Path(pushed[earlier]))
        if any(_same_model(served / version, place) for place in places):
            return earlier
    return None


def _same_model(version: Path, other: Path) -> bool:
    """Whether both have the same graph and weights."""
    names = [SAVED_MODEL_FILE]
    for path in sorted((version / "variables").glob("*")):
        names.append(path.relative_to(version).as_posix())
    equal, _, _ = filecmp.cmpfiles(version, other, names, shallow=False)
    return equal == names


def _versions(pushed: Path) -> list[int]:
    versions: list[int] = []
    for folder in pushed.glob("*"):
        number = version_number(folder.name)
        if number is not None and folder.is_dir():
            versions.append(number)
    return versions
