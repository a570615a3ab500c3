"""Follows a model config file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from serving.server.config.model_config import ModelConfig, read_model_configs
from serving.server.errors import RequestError, ServerStartError

_log = logging.getLogger(__name__)


class ConfigWatch:
    """A thread that reads a model config file again and again.

    A file that can't be used changes nothing.

    Args:
        path: The file.
        poll_seconds: Seconds between looks.
        reload: Takes what was read.
    """

    def __init__(
        self, path: Path, poll_seconds: float, reload: Callable[[Sequence[ModelConfig]], None]
    ) -> None:
        self._path = path
        self._poll_seconds = poll_seconds
        self._reload = reload
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="config-poll", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stops looking."""
        self._stopping.set()
        self._thread.join()

    def _follow(self) -> None:
        last = ""
        while not self._stopping.wait(self._poll_seconds):
            problem = self._look()
            if problem and problem != last:
                _log.error("%s: what is served stays: %s", self._path, problem)
            last = problem

    def _look(self) -> str:
        try:
            self._reload(read_model_configs(self._path))
        except (ServerStartError, RequestError) as error:
            return str(error)
        return ""
