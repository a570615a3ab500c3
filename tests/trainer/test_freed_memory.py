"""Memory that a step frees is there for the next one, without the system clearing it again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Allocates, fills and frees 48 MiB ten times, as steps do; prints how many pages the system had to
# provide for it.
_STEPS = """
import ctypes, resource
from trainer.freed_memory import keep_freed_memory
{call}
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    block = library.malloc(48 << 20)
    library.memset(block, 1, 48 << 20)
    library.free(block)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_freed_memory_is_used_again() -> None:
    assert _megabytes_provided("keep_freed_memory()") <= 60
    assert _megabytes_provided("") >= 400  # so there is something to keep


def _megabytes_provided(call: str) -> int:
    command = [sys.executable, "-c", _STEPS.format(call=call)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
