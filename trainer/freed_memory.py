"""Keeps what a step frees for the next one, where the C library would hand it back to the system."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of glibc's malloc.h
_NEVER, _NONE = -1, 0


def keep_freed_memory() -> None:
    """Has glibc serve blocks of any size from its heap, and never trim it; does nothing with another C library.

    A step allocates the tensors that the step before has freed. By default glibc maps blocks over
    32 MiB anew each time, and gives the free end of its heap back; the system then clears every
    page again (mallopt(3)). The process keeps the most memory that it has needed, until it ends.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_MAX, _NONE)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)
