"""What training costs.

    make bench-training                                 all of it (about a quarter of an hour)
    python -m benchmarks.training rivals steps          some of it

Parts, and what each gives:

    rivals    candidates per second of DIN, BST and SRP4CTR here against DeepCTR and FuxiCTR, in
              turns, on one log with ten candidates per request (`grouped`), with one (`single`),
              and with ten and every history as long as the longest (`grouped_full`); `_ratio` is
              our DIN's over the faster rival's
    steps     `input_share`, the share of a training loop's time spent on waiting for data; a
              step's time on one batch in float32, bfloat16 and by XLA (null where the device
              can't); `padding`, the share of cells that is padding
    sampled   a pre-training step with 1 M items against one with 10,000
    memory    pre-training with 1 M items on 10 M interactions and on a quarter of them: peak
              memory, time of a step

The last line printed is JSON. `rivals` needs the environments that scripts/rivals.sh builds.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.training import memory, rivals, sampled_softmax, steps
from benchmarks.training.inputs import write_inputs
from benchmarks.training.log import SEED, make_log
from benchmarks.training.setting import BATCH, DIM, config

_LOGS: dict[str, dict[str, Any]] = {
    "grouped": {"candidates": 10},
    "single": {"candidates": 1},
    "grouped_full": {"candidates": 10, "full": True},
}


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"rivals": _rivals, "steps": _steps, "sampled": _sampled, "memory": _memory}
    parser.add_argument("parts", nargs="*", choices=[[], *parts], help="by default all")
    parser.add_argument("--logs", nargs="+", choices=_LOGS, default=list(_LOGS), help="of `rivals`")
    parser.add_argument("--rounds", type=int, default=7, help="of `rivals`, a side")
    parser.add_argument("--steps", type=int, default=40, help="timed steps of each kind")
    parser.add_argument("--dim", type=int, default=DIM, help="the encoder's, of `steps`")
    parser.add_argument(
        "--batch", type=int, default=BATCH, help="windows or candidates a step, of `steps`"
    )
    parser.add_argument("--interactions", type=int, default=10_000_000, help="of `memory`")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "gpus": _gpus(), "seed": SEED}
    for part in arguments.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            measured = parts[part](Path(folder), arguments)
        result["load"] = os.getloadavg()[0]
        result |= _rounded(measured)
        print(part, json.dumps(_rounded(measured), indent=1), flush=True)
    print(json.dumps(result))


def _gpus() -> list[str]:
    """The names of the GPUs that TensorFlow trains on here."""
    names: list[str] = []
    for device in tf.config.list_physical_devices("GPU"):
        names.append(tf.config.experimental.get_device_details(device)["device_name"])
    return names


def _rivals(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name in arguments.logs:
        results[name] = rivals.measure(folder / name, rounds=arguments.rounds, **_LOGS[name])
        results[f"{name}_ratio"] = results[name].pop("din_ratio")
    return results


def _steps(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    inputs = write_inputs(
        folder / "log", make_log(4_000, 10), config(arguments.dim, arguments.batch)
    )
    return {"padding": steps.padding(inputs), **steps.measure(inputs, arguments.steps)}


def _sampled(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    return {"sampled_softmax": sampled_softmax.measure(folder, config(), arguments.steps)}


def _memory(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    return {"memory": memory.measure(folder, arguments.interactions)}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
