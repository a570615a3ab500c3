"""Keeps the latest versions of one model loaded: load the new, warm it up, switch, then unload the old."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import tensorflow as tf

from serving.server import versions
from serving.server.disk import SAVED_MODEL_FILE, Snapshot, find_versions, snapshot
from serving.server.errors import RequestError, ServerStartError, from_tensorflow
from serving.server.session import SavedModelSession
from serving.server.versions import Servable, VersionStatus
from serving.server.warmup import warm_up

_log = logging.getLogger(__name__)


class VersionManager:
    """The loaded versions of one model, and a thread that follows what lies on disk.

    A version that appears while the server runs is loaded once its files have stayed the same from one poll to the
    next, so that one still being copied is never served. One that fails to load isn't tried again until they change.

    Args:
        name: The model's name.
        base_path: The directory of the version directories.
        num_versions: How many of the latest versions to serve.
        poll_seconds: Seconds between looks at `base_path`.
    """

    def __init__(self, name: str, base_path: Path, num_versions: int, poll_seconds: float) -> None:
        self.name, self._base_path = name, base_path
        self._num_versions, self._poll_seconds = num_versions, poll_seconds
        self._servables: dict[int, Servable] = {}
        self._statuses: dict[int, VersionStatus] = {}
        self._seen: dict[int, Snapshot] = {}
        self._failed: dict[int, Snapshot] = {}
        self._idle = threading.Condition()  # guards _servables, their users, and _statuses
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="version-poll", daemon=True)

    def start(self) -> None:
        """Loads the latest versions, then follows the disk.

        Raises:
            ServerStartError: There is no version, or the latest ones can't be loaded.
        """
        found = self._find_first()
        self._seen = {version: snapshot(path) for version, path in found.items()}
        self.poll()
        failures = [f"version {v}: {s.message}" for v, s in self.statuses().items() if s.state == versions.END]
        if failures:
            self._unload_all()
            raise ServerStartError(f"{self._base_path}: model '{self.name}' can't be served. " + " ".join(failures))
        self._thread.start()

    def poll(self) -> None:
        """Loads what is new among the latest versions and unloads what no longer belongs to them.

        Raises:
            OSError: The base path can't be listed; everything stays as it is.
        """
        found = find_versions(self._base_path)
        latest = dict(sorted(found.items())[-self._num_versions :])
        for version, path in sorted(latest.items(), reverse=True):
            if version not in self._servables and self._is_due(version, path):
                self._load(version, path)
        ready = self._servables.keys() & latest.keys()
        pending = latest.keys() - ready - self._failed.keys()
        if not pending and (ready or not latest):
            for version in sorted(self._servables.keys() - latest.keys()):
                self._unload(version)

    @contextlib.contextmanager
    def use(self, version: int | None) -> Iterator[Servable]:
        """Lends a version, or the latest for None; it isn't unloaded before it is given back.

        Raises:
            RequestError: No such version is being served.
        """
        with self._idle:
            wanted = max(self._servables, default=None) if version is None else version
            if wanted not in self._servables:
                request = f"Latest({self.name})" if version is None else f"Specific({self.name}, {version})"
                raise RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
            servable = self._servables[wanted]
            servable.users += 1
        try:
            yield servable
        finally:
            with self._idle:
                servable.users -= 1
                self._idle.notify_all()

    def statuses(self) -> dict[int, VersionStatus]:
        """The status of every version that has been seen, the latest first."""
        with self._idle:
            return dict(sorted(self._statuses.items(), reverse=True))

    def stop(self) -> None:
        """Stops following the disk and unloads every version, once its requests are finished."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._unload_all()

    def _find_first(self) -> dict[int, Path]:
        expected = f"Expected {self._base_path}/<number>/{SAVED_MODEL_FILE}."
        if not self._base_path.is_dir():
            raise ServerStartError(f"{self._base_path}: no such directory. {expected}")
        found = find_versions(self._base_path)
        if not found:
            raise ServerStartError(f"{self._base_path}: no version of model '{self.name}' in it. {expected}")
        return found

    def _follow(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self.poll()
            except OSError as error:
                _log.warning("%s can't be read; what is loaded stays: %s", self._base_path, error)

    def _is_due(self, version: int, path: Path) -> bool:
        files = snapshot(path)
        settled = self._seen.get(version) == files
        self._seen[version] = files
        if self._failed.get(version) == files:
            return False
        self._failed.pop(version, None)
        return settled

    def _load(self, version: int, path: Path) -> None:
        self._set_status(version, VersionStatus(versions.LOADING))
        try:
            session = _load_and_warm_up(path)
        except Exception as error:  # whatever a broken model raises, the server goes on with the others
            _log.exception("%s: version %d of model '%s' is not served", path, version, self.name)
            self._failed[version] = self._seen[version]
            self._set_status(version, _failure(error))
            return
        with self._idle:
            self._servables[version] = Servable(version, session)
            self._statuses[version] = VersionStatus(versions.AVAILABLE)
        _log.info("%s: version %d of model '%s' is served", path, version, self.name)

    def _unload(self, version: int) -> None:
        with self._idle:
            self._statuses[version] = VersionStatus(versions.UNLOADING)
            servable = self._servables.pop(version)
            self._idle.wait_for(lambda: servable.users == 0)
        servable.session.close()
        self._set_status(version, VersionStatus(versions.END))
        _log.info("Version %d of model '%s' is unloaded", version, self.name)

    def _unload_all(self) -> None:
        for version in sorted(self._servables):
            self._unload(version)

    def _set_status(self, version: int, status: VersionStatus) -> None:
        with self._idle:
            self._statuses[version] = status


def _load_and_warm_up(path: Path) -> SavedModelSession:
    session = SavedModelSession(path)
    try:
        count = warm_up(session, path)
    except BaseException:
        session.close()
        raise
    _log.info("%s: %d warm-up requests replayed", path, count)
    return session


def _failure(error: Exception) -> VersionStatus:
    if isinstance(error, tf.errors.OpError):
        error = from_tensorflow(error)
    code = error.code if isinstance(error, RequestError) else grpc.StatusCode.UNKNOWN
    return VersionStatus(versions.END, code, str(error))
