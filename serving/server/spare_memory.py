"""Hands memory that the C library keeps free back to the system."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

CHECK_SECONDS = 10.0
MOST_SPARE = 32 * 2**20  # bytes that memory may grow by before it is looked through


_M_ARENA_MAX = -8  # of glibc's malloc.h


class SpareMemory:
    """Trims the heaps of glibc now and then; with another C library it does nothing.

    Blocks that live long lie between those of requests, and what is freed around them stays with
    the process. Loading a version leaves as much again. Threads get a heap for each core, not
    eight, which would each keep a share of it.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        is_glibc = hasattr(library, "gnu_get_libc_version")
        self._trim = library.malloc_trim if is_glibc else None
        if is_glibc:
            library.mallopt(_M_ARENA_MAX, os.cpu_count() or 1)
        self._least = 0  # bytes that the process had after the last trim, or since
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spare-memory", daemon=True)

    def start(self) -> None:
        """Trims at once, and whenever memory has grown."""
        if self._trim is not None:
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        """Trims if memory has grown by more than `MOST_SPARE` since the last time."""
        if self._trim is not None and _resident_bytes() > self._least + MOST_SPARE:
            self._trim(0)
            self._least = _resident_bytes()
        self._least = min(self._least, _resident_bytes())

    def _run(self) -> None:
        self.check()
        while not self._stopped.wait(CHECK_SECONDS):
            self.check()


def _resident_bytes() -> int:
    kilobytes = Path("/proc/self/status").read_text(encoding="ascii").split("VmRSS:")[1].split()[0]
    return int(kilobytes) * 1024
