"""Whether a version's files can be loaded: by their manifest, or unchanged for long enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from serving.manifest import has_manifest
from serving.server.disk import Snapshot, seconds_unchanged, snapshot


class VersionFiles:
    """What the files of one model's versions looked like.

    When they were last seen, when they were loaded, and when they failed to load.

    Args:
        settle_seconds: Seconds for which files without a manifest must have stayed unchanged.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._seen: dict[int, Snapshot] = {}
        self._failed: dict[int, Snapshot] = {}
        self._loaded: dict[int, Snapshot] = {}  # of versions without a manifest
        self._moved: set[int] = set()  # loaded from where the versions lay before

    def look(self, found: Mapping[int, Path]) -> None:
        """Sees versions for the first time."""
        self._seen = {version: snapshot(path) for version, path in found.items()}

    def move(self, found: Mapping[int, Path], loaded: Iterable[int]) -> None:
        """Sees the versions of another directory, of which none is loaded yet.

        Args:
            found: The versions there.
            loaded: Those that are loaded, from where the versions lay before.
        """
        self.look(found)
        self._failed = {}
        self._loaded = {}
        self._moved = set(loaded)

    def is_due(self, version: int, path: Path) -> bool:
        """Whether to load a version now.

        Its files must be as they were at the last look, and not have failed so.
        """
        files = snapshot(path)
        same = self._seen.get(version) == files
        self._seen[version] = files
        if self._failed.get(version) == files:
            return False
        self._failed.pop(version, None)
        return same and (has_manifest(path) or seconds_unchanged(path) >= self._settle_seconds)

    def is_stale(self, version: int, path: Path) -> bool:
        """Whether a loaded version has other files now, which are due.

        Those of a version with a manifest don't change, but it may lie in another directory now.
        """
        if version in self._moved:
            return self.is_due(version, path)
        loaded = self._loaded.get(version)
        return loaded is not None and loaded != snapshot(path) and self.is_due(version, path)

    def is_as_seen(self, version: int, path: Path) -> bool:
        """Whether a version's files are still those of the last look."""
        return self._seen.get(version) == snapshot(path)

    def note_loaded(self, version: int, path: Path) -> None:
        """The files of the last look are served now."""
        self._loaded.pop(version, None)
        self._moved.discard(version)
        if not has_manifest(path):
            self._loaded[version] = self._seen[version]

    def note_failed(self, version: int) -> None:
        """The files of the last look can't be loaded."""
        self._failed[version] = self._seen[version]

    def moved(self) -> set[int]:
        """The versions that are loaded from where they lay before `move`."""
        return set(self._moved)

    def failed(self) -> set[int]:
        """The versions whose files can't be loaded as they are."""
        return set(self._failed)
