"""Loads a version for serving: the session, batching around it, warm-up; counted and timed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from serving.server.batching import BatchingSession
from serving.server.metrics import Metrics
from serving.server.session import ModelSession, SavedModelSession
from serving.server.warmup import warm_up
from serving.server_options import RuntimeOptions
from serving.statistics_as_of import statistics_as_of

_log = logging.getLogger(__name__)
_OK = "success"
_FAIL = "fail"


class ModelLoader:
    """Loads versions.

    Args:
        options: Threads and batching.
        metrics: Where loads and warm-ups are counted.
    """

    def __init__(self, options: RuntimeOptions, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics

    def __call__(self, name: str, path: Path) -> ModelSession:
        """Loads a version directory of the model `name` and replays its warm-up requests.

        Raises:
            Exception: Whatever a broken model raises; nothing stays loaded.
        """
        began = time.monotonic()
        _log.info("%s: loading model '%s'", path, name)
        session = self._load(name, path)
        try:
            # Through the batching session, as the requests of users will go.
            count = self._warm_up(session, path) if self._options.warm_up else 0
        except BaseException:
            session.close()
            raise
        seconds = time.monotonic() - began
        _log.info(
            "%s: model '%s' loaded, %d warm-up requests replayed, in %.1f s",
            path,
            name,
            count,
            seconds,
        )
        return session

    def _load(self, name: str, path: Path) -> ModelSession:
        status = _FAIL
        try:
            session = SavedModelSession(path, self._options, self._show_statistics(name, path))
            status = _OK
        finally:
            self._metrics.loads.labels(path.parent, status).inc()
        if self._options.batching is None:
            return session
        return BatchingSession(session, self._options.batching, self._metrics)

    def _show_statistics(self, name: str, path: Path) -> Callable[[], None]:
        """Says of when a version's statistics are; returns what to call when it is unloaded."""
        as_of = statistics_as_of(path)
        if as_of is None:
            return lambda: None
        _log.info("%s: its statistics are as of %s", path, as_of)
        return self._metrics.statistics_times.add(name, path.name, as_of.time)

    def _warm_up(self, session: ModelSession, path: Path) -> int:
        began = time.monotonic()
        status = _FAIL
        try:
            count = warm_up(session, path)
            status = _OK
        finally:
            self._metrics.warmup_latency.labels(path.parent, status).observe(
                (time.monotonic() - began) * 1e6
            )
        self._metrics.warmup_records.labels(path.parent, status).inc(count)
        return count
