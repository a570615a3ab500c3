"""User states in this process's memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cachetools import TTLCache

from serving.cache import CachedState

_ENTRY_BYTES = 300  # Python's objects for an entry, roughly


class LruCache:
    """Keeps the states used last, for a time, within a number of bytes.

    `cachetools.TTLCache`, shared by several threads, with the sizes of states.

    A client takes it as `RankingClient("localhost:8500", caches=[LruCache()])`.

    Example:
        >>> cache = LruCache(max_bytes=1000, ttl_seconds=300.0)
        >>> cache.put("user 7", CachedState(b"vectors", made_for=1_700_000_000))
        >>> cache.get("user 7").blob
        b'vectors'
        >>> cache.put("user 8", CachedState(bytes(600), made_for=1_700_000_000))
        >>> cache.get("user 7") is None  # it had to make room
        True

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
        # An entry is the state and its size with its key.
        self._entries: TTLCache[str, tuple[CachedState, int]] = TTLCache(
            max_bytes, ttl_seconds, clock or time.monotonic, getsizeof=lambda entry: entry[1]
        )
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Bytes of all states with their keys."""
        with self._lock:
            return int(self._entries.currsize)

    def get(self, key: str) -> CachedState | None:
        """The state, which now is the one used last; None if there is none, or it is too old."""
        with self._lock:
            state, _ = self._entries.get(key, (None, 0))
            return state

    def put(self, key: str, state: CachedState) -> None:
        """Keeps a state, and forgets those not used for longest until all fit.

        A state that is larger than all that is kept isn't.
        """
        size = len(key) + len(state.blob) + _ENTRY_BYTES
        with self._lock:
            self._entries.pop(key, None)
            if size <= self._entries.maxsize:
                self._entries[key] = (state, size)

    def delete(self, key: str) -> None:
        """Forgets a state."""
        with self._lock:
            self._entries.pop(key, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)
