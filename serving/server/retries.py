"""Tries a load again that failed, as --max_num_load_retries asks."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from serving.server.manager import Load
from serving.server.session import ModelSession

_log = logging.getLogger(__name__)


class RetryingLoad:
    """A load that is tried several times, say while a file system is away.

    Args:
        load: Loads a version directory of a model.
        retries: How often it is tried again.
        wait_seconds: Seconds between two tries.
    """

    def __init__(self, load: Load, retries: int, wait_seconds: float) -> None:
        self._load = load
        self._retries = retries
        self._wait_seconds = wait_seconds
        self._stopping = threading.Event()

    def __call__(self, name: str, path: Path) -> ModelSession:
        """Loads a version directory of the model `name`.

        Raises:
            Exception: What the last try raised.
        """
        for left in range(self._retries, 0, -1):
            try:
                return self._load(name, path)
            except Exception as error:  # whatever a broken model raises
                _log.warning(
                    "%s: model '%s' can't be loaded, %d tries left: %s", path, name, left, error
                )
                if self._stopping.wait(self._wait_seconds):
                    raise
        return self._load(name, path)

    def stop(self) -> None:
        """Waits for no further try from now on."""
        self._stopping.set()
