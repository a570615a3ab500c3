"""What a process is said to have held is its own, not what the process that started it holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

_SMALL_MB = 150
_OWN = "from benchmarks.peak_memory import peak_mb; print(peak_mb())"


def test_the_parent_s_memory_does_not_count(tmp_path: Path) -> None:
    held = np.ones(40_000_000)  # 320 MB
    own = subprocess.run([sys.executable, "-c", _OWN], check=True, capture_output=True, text=True)
    assert 1 < float(own.stdout) < _SMALL_MB
    command = [
        sys.executable,
        "-m",
        "benchmarks.peak_memory",
        str(tmp_path / "used"),
        sys.executable,
        "-c",
        "exit(3)",
    ]
    assert subprocess.call(command) == 3
    used = json.loads((tmp_path / "used").read_text())
    assert 1 < used["memory_mb"] < _SMALL_MB and used["cpu_seconds"] >= 0
    assert held.sum() == len(held)
