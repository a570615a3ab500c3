"""Keeps the versions of one model loaded: load the new, warm it up, switch, then unload the old."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import tensorflow as tf

from preprocessing.paths import is_local
from serving.errors import ServingError
from serving.manifest import check_manifest
from serving.server import versions
from serving.server.config.model_config import ModelConfig
from serving.server.disk import find_versions
from serving.server.errors import RequestError, from_tensorflow
from serving.server.loaded_versions import LoadedVersions, seconds_until
from serving.server.session import ModelSession
from serving.server.settling import VersionFiles
from serving.server.versions import VersionStatus
from serving.stored_versions import VersionCopies
from serving.version_dirs import LARGEST_VERSION, SAVED_MODEL_FILE, version_number

_log = logging.getLogger(__name__)
Load = Callable[[str, Path], ModelSession]
_LOOK_SECONDS = 0.5  # between two looks at the start, at most


class VersionManager:
    """A thread that follows the versions of one model on disk, and keeps the right ones loaded.

    A version is loaded once its files have stayed the same from one poll to the next and are those
    of its manifest. One without a manifest may always be a copy that has stalled: its files must
    not have changed for `settle_seconds`, and it is loaded again when they do. One that fails to
    load isn't tried again until they change.

    Args:
        config: The model's name, directory and version policy.
        poll_seconds: Seconds between looks at the directory; 0 looks only at the start and after
            `update`.
        settle_seconds: Seconds for which files without a manifest must have stayed unchanged.
        load: Loads and warms up a version directory of a model, by the model's name.
        on_change: Called after each change of what is served.

    Attributes:
        loaded: What is served now.
    """

    def __init__(
        self,
        config: ModelConfig,
        poll_seconds: float,
        settle_seconds: float,
        load: Load,
        on_change: Callable[[], None],
    ) -> None:
        self.name = config.name
        self.loaded = LoadedVersions(config.name)
        self._config = config
        self._poll_seconds = poll_seconds
        self._settle_seconds = settle_seconds
        self._load_session = load
        self._on_change = on_change
        self._files = VersionFiles(settle_seconds)
        self._copies_folder = tempfile.TemporaryDirectory(prefix="srp4ctr-versions-")
        self._copies = VersionCopies(Path(self._copies_folder.name))
        self._looked_at = config.base_path
        self._unreadable = ""  # why the base path can't be listed
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._follow, name=f"version-poll-{self.name}", daemon=True
        )

    def start(self) -> None:
        """Loads the versions that lie there, then follows the disk."""
        try:
            self._files.look(self._find(self._config))
            self._wait_until_settled()
        except OSError as error:
            self._unreadable = str(error)
        self._thread.start()

    def update(self, config: ModelConfig) -> None:
        """Follows another directory or version policy from now on.

        Versions of another directory are loaded also where those of the same number are served.
        """
        self._config = config
        self._wake.set()

    def look_again(self) -> None:
        """Looks at the directory soon, whatever is the time between two looks."""
        self._wake.set()

    def problem(self) -> str:
        """Why nothing can be served yet, or ""."""
        if self.loaded.is_available():
            return ""
        base_path = self._config.base_path
        expected = f"Expected {base_path}/<number>/{SAVED_MODEL_FILE}."
        if is_local(base_path) and not Path(base_path).is_dir():
            return f"{base_path}: no such directory. {expected}"
        if self._unreadable:
            return f"{base_path}: can't be read: {self._unreadable}"
        failures = []
        for version, status in self.loaded.statuses().items():
            if status.state == versions.END and status.code != grpc.StatusCode.OK:
                failures.append(f"version {version}: {status.message}")
        if failures:
            return f"{base_path}: model '{self.name}' can't be served. " + " ".join(failures)
        return (
            f"{base_path}: no version of model '{self.name}' in it. {expected}"
            f"{_too_large(base_path)}"
        )

    def poll(self) -> set[int]:
        """Loads what is new among the versions to serve and unloads what no longer belongs to them.

        Returns:
            The versions to serve that are neither served nor failed: their files may still change.

        Raises:
            OSError: The base path can't be listed; everything stays as it is.
        """
        config = self._config
        found = self._find(config)
        if config.base_path != self._looked_at:
            self._looked_at = config.base_path
            self._files.move(found, self.loaded.numbers())
        wanted = {version: found[version] for version in config.policy.choose(found)}
        # The latest first: the sooner it serves, the better.
        for version, path in sorted(wanted.items(), reverse=True):
            due = self._files.is_stale if self.loaded.is_available(version) else self._files.is_due
            if due(version, path):
                self._load(version, path)
        ready = (self.loaded.numbers() & wanted.keys()) - self._files.moved()
        pending = wanted.keys() - ready - self._files.failed()
        # An old version goes only when a new one has taken its place.
        if not pending and (ready or not wanted):
            for version in sorted(self.loaded.numbers() - wanted.keys()):
                self._unload(version)
        return pending

    def stop(self, deadline: float | None = None) -> bool:
        """Stops following the disk and unloads every version, once its requests are finished.

        Args:
            deadline: When to leave the rest as it is, by time.monotonic; None waits for as long as
                it takes.

        Returns:
            Whether all is unloaded.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds_until(deadline))
        finished = True
        for version in sorted(self.loaded.numbers()):
            finished &= self._unload(version, deadline)
        self._copies_folder.cleanup()
        return finished

    def _find(self, config: ModelConfig) -> dict[int, Path]:
        """The versions under the base path, by number; of a store those to serve are copied."""
        if is_local(config.base_path):
            return find_versions(Path(config.base_path))
        return self._copies.find(config.base_path, config.policy.choose)

    def _follow(self) -> None:
        while True:
            self._wake.wait(self._poll_seconds or None)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.poll()
                self._unreadable = ""
            except OSError as error:
                self._unreadable = str(error)
                _log.warning(
                    "%s can't be read; what is loaded stays: %s", self._config.base_path, error
                )

    def _wait_until_settled(self) -> None:
        """Looks until a version is served, or none can be.

        At most for as long as copies that lie there may need to settle.
        """
        end = time.monotonic() + self._settle_seconds
        while self.poll() and not self.loaded.is_available() and time.monotonic() < end:
            time.sleep(min(self._poll_seconds or _LOOK_SECONDS, _LOOK_SECONDS))
        if not self.loaded.is_available():
            self.poll()  # the files had their time by now

    def _load(self, version: int, path: Path) -> None:
        serves_already = self.loaded.is_available(version)
        if not serves_already:
            self.loaded.set_status(version, VersionStatus(versions.LOADING))
        try:
            session = self._load_whole(version, path)
        except Exception as error:
            # Whatever a broken model raises, the server goes on with the others.
            _log.exception(
                "%s: version %d of model '%s' is not served from these files",
                path,
                version,
                self.name,
            )
            self._files.note_failed(version)
            if not serves_already:
                self.loaded.set_status(version, _failure(error))
            return
        replaced = self.loaded.add(version, session)
        self._files.note_loaded(version, path)
        self._on_change()
        _log.info("%s: version %d of model '%s' is served", path, version, self.name)
        if replaced is not None:
            self.loaded.free(replaced)

    def _load_whole(self, version: int, path: Path) -> ModelSession:
        """Loads a version whose files are those of its manifest, and stay the same meanwhile."""
        try:
            check_manifest(path)
        except ServingError as error:
            raise RequestError(grpc.StatusCode.DATA_LOSS, str(error)) from None
        session = self._load_session(self.name, path)
        if not self._files.is_as_seen(version, path):
            session.close()
            raise RequestError(
                grpc.StatusCode.UNAVAILABLE, f"{path}: files changed while they were loaded"
            )
        return session

    def _unload(self, version: int, deadline: float | None = None) -> bool:
        servable = self.loaded.withdraw(version)
        self._on_change()
        if not self.loaded.close(servable, deadline):
            return False
        _log.info("Version %d of model '%s' is unloaded", version, self.name)
        return True


def _failure(error: Exception) -> VersionStatus:
    if isinstance(error, tf.errors.OpError):
        error = from_tensorflow(error)
    code = error.code if isinstance(error, RequestError) else grpc.StatusCode.UNKNOWN
    return VersionStatus(versions.END, code, str(error))


def _too_large(base_path: str) -> str:
    """What is wrong with directories whose numbers no version can have; "" if there is none."""
    if not is_local(base_path):
        return ""
    for path in sorted(Path(base_path).iterdir()):
        if path.name.isdecimal() and version_number(path.name) is None:
            return f" {path.name} is none: a version's number is at most {LARGEST_VERSION}."
    return ""
