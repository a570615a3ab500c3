"""Runs a config with several seeds and reports mean and standard deviation of the test AUC, with and without encoder.

    .venv/bin/python -m benchmarks.seeds configs/ml_100k.yaml --seeds 1 2 3

Prints a table, and as its last line one JSON object. Records are made once; each seed trains anew.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipelines.config import load_run_config

_SRP4CTR = Path(sys.executable).parent / "srp4ctr"


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    runs = {seed: _run(arguments.config, seed) for seed in arguments.seeds}
    print("\n| seed | task | with encoder | without | difference, points |\n| --- | --- | --- | --- | --- |")
    for seed, metrics in runs.items():
        for task, (ours, without) in _aucs(metrics).items():
            print(f"| {seed} | {task} | {ours:.4f} | {without:.4f} | {100 * (ours - without):+.2f} |")
    print(json.dumps(_summary(runs)))


def _run(config: Path, seed: int) -> dict[str, Any]:
    print(f"\nSeed {seed}", flush=True)
    subprocess.run([_SRP4CTR, "run", config, "--seed", str(seed)], check=True)
    return json.loads((load_run_config(config).paths.report / "metrics.json").read_text())


def _aucs(metrics: dict[str, Any]) -> dict[str, tuple[float, float]]:
    baseline = metrics["baseline_without_encoder"]
    return {task: (values["auc"], baseline[task]["auc"]) for task, values in metrics["tasks"].items()}


def _summary(runs: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Mean and sample standard deviation over seeds, a task."""
    pairs = [_aucs(metrics) for metrics in runs.values()]
    return {
        task: {
            "seeds": list(runs),
            "with_encoder": _spread([pair[task][0] for pair in pairs]),
            "without_encoder": _spread([pair[task][1] for pair in pairs]),
            "difference": _spread([pair[task][0] - pair[task][1] for pair in pairs]),
        }
        for task in pairs[0]
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": statistics.fmean(values), "sd": statistics.stdev(values) if len(values) > 1 else 0.0}


if __name__ == "__main__":
    main()
