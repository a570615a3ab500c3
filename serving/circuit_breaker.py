"""Leaves a store alone for a while after it has failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class CircuitBreaker:
    """Opens after some failures in a row, and closes when a request succeeds.

    While it is open, it lets one request through per pause.

    Example:
        >>> breaker = CircuitBreaker(failures=2, pause_seconds=60.0)
        >>> for _ in range(2):
        ...     if breaker.allows():
        ...         breaker.failed()  # the store didn't answer
        >>> breaker.allows()  # not before a minute has passed
        False
        >>> breaker.succeeded()
        >>> breaker.allows()
        True

    Args:
        failures: Failures in a row that open it.
        pause_seconds: Seconds between tries while it is open.
        clock: Seconds, ever rising.
    """

    def __init__(
        self,
        failures: int = 3,
        pause_seconds: float = 1.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if failures < 1 or pause_seconds <= 0:
            raise ValueError(
                f"Both must be positive. Received: failures={failures}, "
                f"pause_seconds={pause_seconds}"
            )
        self._limit = failures
        self._pause = pause_seconds
        self._clock = clock or time.monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = float("-inf")
        self.failed_requests = 0
        self.skipped_requests = 0

    def allows(self) -> bool:
        """Whether to make a request now, whose outcome must then be told."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._clock()
            if now < self._closed_until:
                self.skipped_requests += 1
                return False
            self._closed_until = now + self._pause
            return True

    def succeeded(self) -> None:
        """A request has been answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """A request has failed, or took too long."""
        with self._lock:
            self.failed_requests += 1
            self._failures += 1
            self._closed_until = self._clock() + self._pause
