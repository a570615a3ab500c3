"""How fast StatisticsGen and Transform go through records, and how their memory grows with them.

    make bench-components
    python -m benchmarks.components --candidates 2000000

Runs the data components of the pipeline by Beam on this machine, on the log of
`benchmarks.preprocessing`: 10 candidates a request, the latest 50 clicks as history. Each size is a
process of its own.

For each of the components that read all records:

- candidates_per_second: of the most candidates.
- memory_mb: peak resident memory of the process while it runs, at both sizes; what was loaded and
  imported before is part of it.
- memory_ratio_4x: of these, that with the most candidates to that with a quarter of them.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

MOST = 4_000_000
COMPONENTS = ("BehaviorLogExampleGen", "StatisticsGen", "Transform")
_FOUND = "found.json"


class _Meter:
    """Takes note of the seconds and the peak memory of each component (a `launcher.Watcher`)."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._began = 0.0

    def started(self, component: str) -> None:
        from benchmarks.peak_memory import forget_peak

        forget_peak(os.getpid())
        self._began = time.perf_counter()

    def ran(self) -> None:
        pass

    def ended(self, component: str, has_output: bool) -> None:
        from benchmarks.peak_memory import peak_mb

        self.found[component] = {
            "seconds": time.perf_counter() - self._began,
            "memory_mb": round(peak_mb()),
        }


def run(folder: Path, candidates: int) -> None:
    """Runs the data components on a log of its own, and writes what each took to a file."""
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from benchmarks.preprocessing import dataset, generate
    from pipelines.beam import beam_args
    from pipelines.compat.launcher import launches_watched
    from pipelines.config import load_run_config
    from pipelines.logs import logs_to
    from pipelines.pipeline import create_data_pipeline

    log = folder / "log.csv"
    generate(log, candidates)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"dataset": dataset(log), "runs_dir": str(folder / "runs")}))
    config = load_run_config(path)
    config.paths.root.mkdir(parents=True)
    meter = _Meter()
    with logs_to(config.paths.log), launches_watched(meter):
        LocalDagRunner().run(create_data_pipeline(config, beam_args(config.beam)))
    (folder / _FOUND).write_text(json.dumps(meter.found))


def _found(folder: Path, candidates: int) -> dict[str, dict[str, float]]:
    """What each component took, by a process of its own."""
    folder.mkdir()
    options = ("--folder", str(folder), "--candidates", str(candidates))
    subprocess.run([sys.executable, "-m", "benchmarks.components", *options], check=True)
    found: dict[str, dict[str, float]] = json.loads((folder / _FOUND).read_text())
    print(candidates, found, flush=True)
    return found


def _compared(folder: Path, most: int) -> dict[str, dict[str, Any]]:
    """What the last line says."""
    small = _found(folder / "small", most // 4)
    large = _found(folder / "large", most)
    compared = {}
    for component in COMPONENTS:
        few, many = small[component], large[component]
        compared[component] = {
            "candidates_per_second": round(most / many["seconds"]),
            "memory_mb": [few["memory_mb"], many["memory_mb"]],
            "memory_ratio_4x": round(many["memory_mb"] / few["memory_mb"], 3),
        }
    return compared


def main() -> None:
    """Measures both sizes, or one in this process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, default=MOST, help="the most of them")
    parser.add_argument("--folder", type=Path, help="measure one size, and leave it there")
    arguments = parser.parse_args()
    if arguments.folder:
        run(arguments.folder, arguments.candidates)
        return
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(_compared(Path(name), arguments.candidates)))


if __name__ == "__main__":
    main()
