r"""What each component that prepares data takes, by Beam's runners.

    python -m benchmarks.beam_runners configs/ml_100k.yaml
    python -m benchmarks.beam_runners --events 1000000
    python -m benchmarks.beam_runners configs/ml_100k.yaml --runners prism -- \
        --prism_location=build/engines/bin/prism

The second generates a log, of impressions with ten candidates a request. Each runner has a process
of its own, which TFX is already in when the clock starts. For each component that does work:

- seconds by the wall clock, and of CPU by the process and all that it starts;
- memory_mb: resident, the most of the tree of processes, looked at five times a second;
- stages: what Beam's own runner makes of the job, transforms that run as one.

How components grow with their records: `benchmarks.components`.

The last line printed is all of it as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import yaml

from benchmarks.peak_memory import held_by_tree

RUNNERS = ("direct", "multiprocess")
_LOOK_SECONDS = 0.2


class Meter:
    """Watches a run's components (`pipelines.compat.launcher.Watcher`).

    Attributes:
        found: What each component took, by its id.
    """

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self.stages = 0
        self._process = psutil.Process()
        self._peak = 0
        self._has_run = False
        self._began = 0.0
        self._used = 0.0
        threading.Thread(target=self._look, daemon=True).start()

    def started(self, component: str) -> None:
        """Starts the clocks of a component."""
        self._has_run = False
        self.stages = 0
        self._peak = 0
        self._began = time.monotonic()
        self._used = self._cpu_seconds()

    def ran(self) -> None:
        """Takes note that the component does its work."""
        self._has_run = True

    def ended(self, component: str, has_output: bool) -> None:
        """Writes down what a component took, if Beam ran it."""
        if not self._has_run or not self.stages:
            return
        self.found[component] = {
            "seconds": round(time.monotonic() - self._began, 1),
            "cpu_seconds": round(self._cpu_seconds() - self._used, 1),
            "memory_mb": round(self._peak / 1e6),
            "stages": self.stages,
        }
        print(component, self.found[component], flush=True)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stops the clocks while the block runs."""
        began = time.monotonic()
        used = self._cpu_seconds()
        yield
        self._began += time.monotonic() - began
        self._used += self._cpu_seconds() - used

    def _cpu_seconds(self) -> float:
        """Of this process, and of all that it started, ended or not."""
        times = self._process.cpu_times()
        used = times.user + times.system + times.children_user + times.children_system
        for child in self._process.children(recursive=True):
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used += times.user + times.system
        return float(used)

    def _look(self) -> None:
        while True:
            self._peak = max(self._peak, held_by_tree(self._process))
            time.sleep(_LOOK_SECONDS)


@contextmanager
def stages_counted(meter: Meter) -> Iterator[None]:
    """Counts the stages of each job, as Beam's own runner would fuse it, wherever it runs."""
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

    run = beam.Pipeline.run

    def counted(pipeline: Any, *arguments: Any, **named: Any) -> Any:
        with meter.stopped():
            _, stages = FnApiRunner().create_stages(pipeline.to_runner_api())
        meter.stages += len(stages)
        return run(pipeline, *arguments, **named)

    with mock.patch.object(beam.Pipeline, "run", counted):
        yield


def run(config_path: Path, runs: Path, runner: str, options: list[str]) -> None:
    """Prepares a run's data by a runner; the last line printed is what each component took."""
    from rich.console import Console

    from pipelines.beam import BeamConfig
    from pipelines.compat.launcher import launches_watched
    from pipelines.config import load_run_config
    from pipelines.pipeline import create_data_pipeline
    from pipelines.runners.local import run_locally

    beam = BeamConfig(runner=runner, options=tuple(options))
    changes = {"beam": beam, "runs_dir": str(runs)}
    config = load_run_config(config_path).model_copy(update=changes)
    meter = Meter()
    console = Console(quiet=True)
    with launches_watched(meter), stages_counted(meter):
        run_locally(config, console, create=create_data_pipeline)
    print(json.dumps(meter.found))


def generated(folder: Path, events: int) -> Path:
    """Writes a log and a configuration for it; returns the latter's path."""
    from benchmarks.preprocessing import dataset, generate

    log = folder / "log.csv"
    generate(log, events)
    path = folder / "generated.yaml"
    path.write_text(yaml.safe_dump({"dataset": dataset(log)}))
    return path


def measured(
    config: Path, runs: Path, runner: str = "direct", options: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """What each component took (`Meter.found`) in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.beam_runners", "one", str(config)]
    command += [str(runs), runner, *options]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if not line.startswith("{"):
                print(line, end="", flush=True)
    if process.returncode:
        raise SystemExit(f"{runner} failed with exit code {process.returncode}")
    found: dict[str, dict[str, float]] = json.loads(lines[-1])
    return found


def main() -> None:
    """Runs every runner in turn, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", nargs="?", type=Path, help="a run's YAML file")
    parser.add_argument("--events", type=int, default=1_000_000, help="of a generated log")
    parser.add_argument("--runners", nargs="+", default=list(RUNNERS), metavar="RUNNER")
    given, options = _parted(sys.argv[1:])
    arguments = parser.parse_args(given)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        config = arguments.config or generated(Path(folder), arguments.events)
        for runner in arguments.runners:
            print(f"{runner}, load {os.getloadavg()[0]:.1f}")
            found[runner] = measured(config, Path(folder, "runs", runner), runner, options)
    print(json.dumps(found))


def _parted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What is before the first "--", and what is after it: Beam's own options."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        _, _, config, runs, runner, *options = sys.argv
        sys.argv = sys.argv[:1]  # absl reads it
        run(Path(config), Path(runs), runner, options)
    else:
        main()
