"""Memory that glibc keeps after it was freed."""

import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes
from serving.server import spare_memory

library = ctypes.CDLL(None)
if not hasattr(library, "gnu_get_libc_version"):
    print(0, 0, 0)
    raise SystemExit
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
memory = spare_memory.SpareMemory()
memory.check()
before = spare_memory._resident_bytes()
# Small blocks of which every thousandth stays, so that what is freed isn't at the heap's end.
blocks = []
for _ in range(COUNT):
    block = library.malloc(4000)
    ctypes.memset(block, 1, 4000)
    blocks.append(block)
for number, block in enumerate(blocks):
    if number % 1000:
        library.free(block)
freed = spare_memory._resident_bytes()
memory.check()
print(before, freed, spare_memory._resident_bytes())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("count", "trimmed"), [(16_000, True), (2_000, False)])
def test_memory_that_grew_is_given_back(count: int, trimmed: bool) -> None:
    script = _SCRIPT.replace("COUNT", str(count))
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    before, freed, after = map(int, done.stdout.split())
    if not before:
        pytest.skip("this C library isn't glibc")
    assert freed - before > 4000 * count * 0.9
    assert (freed - after > 4000 * count * 0.8) == trimmed
