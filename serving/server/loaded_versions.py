"""The loaded versions of one model, and the status of each version that was seen."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import grpc

from serving.server import versions
from serving.server.errors import RequestError
from serving.server.session import ModelSession
from serving.server.versions import Servable, VersionStatus


class LoadedVersions:
    """Lends versions to requests, and frees them when nobody uses them; threads share it.

    Args:
        name: The model's name, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._servables: dict[int, Servable] = {}
        self._statuses: dict[int, VersionStatus] = {}
        self._idle = threading.Condition()  # guards all of it

    @contextlib.contextmanager
    def use(self, version: int | None) -> Iterator[Servable]:
        """Lends a version, or the latest for None; it isn't unloaded before it is given back.

        Raises:
            RequestError: No such version is being served.
        """
        with self._idle:
            wanted = max(self._servables, default=None) if version is None else version
            if wanted not in self._servables:
                raise not_found(self._name, version)
            servable = self._servables[wanted]
            servable.users += 1  # it isn't closed while there are any
        try:
            yield servable
        finally:
            with self._idle:
                servable.users -= 1
                self._idle.notify_all()

    def numbers(self) -> set[int]:
        """The versions that are loaded, warmed up and being served."""
        with self._idle:
            return set(self._servables)

    def is_available(self, version: int | None = None) -> bool:
        """Whether a version, or any for None, is being served."""
        numbers = self.numbers()
        return bool(numbers) if version is None else version in numbers

    def statuses(self) -> dict[int, VersionStatus]:
        """The status of every version that has been seen, the latest first."""
        with self._idle:
            return dict(sorted(self._statuses.items(), reverse=True))

    def set_status(self, version: int, status: VersionStatus) -> None:
        """Notes where a version that isn't served is in its life."""
        with self._idle:
            self._statuses[version] = status

    def add(self, version: int, session: ModelSession) -> Servable | None:
        """Serves a version from now on.

        Returns:
            What was served under its number before; `free` it next.
        """
        with self._idle:
            replaced = self._servables.get(version)
            self._servables[version] = Servable(version, session)
            self._statuses[version] = VersionStatus(versions.AVAILABLE)
        return replaced

    def withdraw(self, version: int) -> Servable:
        """Lends a version no more; `close` it next."""
        with self._idle:
            self._statuses[version] = VersionStatus(versions.UNLOADING)
            return self._servables.pop(version)

    def free(self, servable: Servable, deadline: float | None = None) -> bool:
        """As `close`, of one whose number serves another: the version's status stays."""
        with self._idle:
            if not self._idle.wait_for(lambda: servable.users == 0, seconds_until(deadline)):
                return False
        servable.session.close()
        return True

    def close(self, servable: Servable, deadline: float | None = None) -> bool:
        """Frees a withdrawn version, once the requests that use it are finished.

        Args:
            servable: The version.
            deadline: When to leave it as it is, by time.monotonic; None waits for as long as it
                takes.

        Returns:
            Whether it is freed.
        """
        if not self.free(servable, deadline):
            return False
        self.set_status(servable.version, VersionStatus(versions.END))
        return True


def seconds_until(deadline: float | None) -> float | None:
    """The seconds that are left until a time by time.monotonic; None for None."""
    return None if deadline is None else max(deadline - time.monotonic(), 0.0)


def not_found(name: str, version: int | None) -> RequestError:
    """The error for a model or version that isn't served."""
    wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
