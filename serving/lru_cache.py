"""User states in this process's memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from serving.cache import CachedState

_ENTRY_BYTES = 300  # Python's objects for an entry, roughly


class LruCache:
    """Keeps the states used last, for a time, within a number of bytes.

    Several threads may share it.

    Example:
        cache = LruCache(max_bytes=64 * 1024 * 1024, ttl_seconds=300.0)
        with RankingClient("localhost:8500", caches=[cache]) as client:
            client.rank(user, ["12", "13", "14"])

    Args:
        max_bytes: Bytes of all states with their keys.
        ttl_seconds: Seconds after which a state is forgotten, used or not.
        clock: Seconds, ever rising.
    """

    def __init__(
        self,
        max_bytes: int = 256 * 1024 * 1024,
        ttl_seconds: float = 600.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if max_bytes <= 0 or ttl_seconds <= 0:
            raise ValueError(
                f"Both must be positive. Received: max_bytes={max_bytes}, ttl_seconds={ttl_seconds}"
            )
        self._max_bytes = max_bytes
        self._ttl = ttl_seconds
        self._clock = clock or time.monotonic
        self._entries: OrderedDict[str, tuple[CachedState, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: str) -> CachedState | None:
        """The state, which now is the one used last; None if there is none, or it is too old."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            state, until = found
            if self._clock() >= until:
                self._remove(key)
                return None
            self._entries.move_to_end(key)
            return state

    def put(self, key: str, state: CachedState) -> None:
        """Keeps a state, and forgets those not used for longest until all fit."""
        with self._lock:
            self._remove(key)  # so that its bytes are counted once, and it is the last one
            self._entries[key] = (state, self._clock() + self._ttl)
            self.bytes += _size(key, state)
            while self.bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def delete(self, key: str) -> None:
        """Forgets a state."""
        with self._lock:
            self._remove(key)

    def __len__(self) -> int:
        return len(self._entries)

    def _remove(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= _size(key, found[0])


def _size(key: str, state: CachedState) -> int:
    return len(key) + len(state.blob) + _ENTRY_BYTES
