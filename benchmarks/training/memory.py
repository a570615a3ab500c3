"""Peak memory of pre-training with a table of a million items, by the size of the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peak_memory import peak_mb
from benchmarks.training.inputs import spec, write_inputs, written_inputs
from benchmarks.training.log import make_log
from benchmarks.training.setting import config
from benchmarks.training.steps import step_of
from trainer.distribution.feeding import WHOLE
from trainer.pretrain import pretraining_stage

ITEMS = 1_000_000
_MEAN_LENGTH = 21.6  # of `make_log`'s histories
_TRAINED = 150  # steps; the batches between them are read and thrown away


def measure(folder: Path, interactions: int) -> dict[str, Any]:
    """A quarter of the interactions against all, each in a process of its own.

    `memory_ratio_4x` is the ratio of their peaks.
    """
    results = {}
    for name, share in (("quarter", interactions // 4), ("all", interactions)):
        log = make_log(int(share / _MEAN_LENGTH), 1, ITEMS)
        write_inputs(folder / name, log, config())
        command = [sys.executable, "-m", "benchmarks.training.memory", str(folder / name)]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        counts = {"interactions": int(log.lengths.sum()), "records": len(log.lengths)}
        results[name] = counts | json.loads(run.stdout.splitlines()[-1])
        print(name, results[name], flush=True)
    return {"memory_ratio_4x": results["all"]["peak_mb"] / results["quarter"]["peak_mb"], **results}


def train(folder: Path) -> dict[str, Any]:
    """Reads every record of a pass once, in training's order.

    Trains on some of the batches, evenly spread.
    """
    inputs = written_inputs(folder, spec(), config(), ITEMS)
    before = peak_mb()
    stage = pretraining_stage(inputs)
    step = step_of(stage, inputs.config)
    batches = stage.train(WHOLE, 0).take(stage.steps)
    times = []
    every = max(stage.steps // _TRAINED, 1)
    start = time.perf_counter()
    for number, batch in enumerate(batches):
        if number % every == 0:
            began = time.perf_counter()
            step(batch)
            times.append(1000 * (time.perf_counter() - began))
    seconds = time.perf_counter() - start
    counts = {"batches": stage.steps, "trained": len(times)}
    return counts | {
        "step_ms": float(np.median(times)),
        "pass_seconds": seconds,
        "imports_mb": before,
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    print(json.dumps(train(Path(sys.argv[1]))))
