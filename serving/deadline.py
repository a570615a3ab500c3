"""One time budget for all the requests that a call makes."""

from __future__ import annotations

import time


class Deadline:
    """Counts down from when it is made.

    Args:
        seconds: The budget.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, 0 when it has passed."""
        return max(self._end - time.monotonic(), 0.0)
