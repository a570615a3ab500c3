"""Keeps the memory that a step frees for the next one.

The C library would hand it back to the system.
"""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4

_NEVER = -1  # a threshold that no heap is trimmed at
_NONE = 0  # how many blocks may be mapped outside of the heap


def keep_freed_memory() -> None:
    """Has glibc serve blocks of any size from its heap, and never trim it.

    With another C library it does nothing.

    A step allocates the tensors that the step before has freed. By default glibc maps blocks over
    32 MiB anew each time, and gives the free end of its heap back; the system then clears every
    page again (mallopt(3)). The process keeps the most memory that it has needed, until it ends.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_MAX, _NONE)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)
