"""The most memory that a process has held.

    python -m benchmarks.peak_memory FILE COMMAND...

runs a command and writes its CPU seconds and peak memory to FILE, as JSON. A process's `ru_maxrss`
may be its parent's, which outlives fork and exec: a parent as small as this one changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def peak_mb(pid: int | str = "self") -> float:
    """Of a process, in megabytes; by default of this one."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024 / 1e6


def held_by_tree(process: psutil.Process) -> int:
    """Bytes that a process and all that it started hold now."""
    import psutil  # not for the small parent above

    held: int = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            held += child.memory_info().rss
    return held


def forget_peak(pid: int) -> None:
    """Makes a process's peak what it holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def main(file: Path, command: list[str]) -> int:
    """Runs a command; returns its exit code."""
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss * 1024 / 1e6
    file.write_text(
        json.dumps({"cpu_seconds": round(used.ru_utime + used.ru_stime), "memory_mb": round(peak)})
    )
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
