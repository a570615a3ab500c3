"""Hands memory that the C library keeps free back to the system."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

CHECK_SECONDS = 10.0
MOST_SPARE = 32 * 2**20  # bytes that memory may grow by before it is looked through
_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
_LARGE = 8 * 2**20  # bytes, more than what requests of usual sizes compute with


class SpareMemory:
    """Trims the heaps of glibc now and then; with another C library it does nothing.

    Blocks that live long lie between those of requests, and what is freed around them stays with
    the process. Loading a version leaves as much again. Large blocks are kept out of the heaps:
    glibc would put them there, too, once a few were freed, and holes of all sizes would stay.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        is_glibc = hasattr(library, "gnu_get_libc_version")
        self._trim = library.malloc_trim if is_glibc else None
        if is_glibc:
            library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
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
