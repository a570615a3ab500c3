"""What a training step is made of, and how fast one GPU takes it.

    make bench-gpu                                   counts, and speeds where there is a GPU
    python -m benchmarks.gpu --records FOLDER        with records that were made elsewhere
    python -m benchmarks.gpu --xla 12                and losses of 12 steps by XLA and without

Counts are of MovieLens-100K's configuration; shapes and padding also of The Complete Journey's,
where its log has been fetched. Records are made once, under build/, and can be carried to a machine
without TFX. On a GPU there are, too: the ranker at width 64 with 64 requests of 100 candidates and
200 behaviours, pre-training with 1024 sequences of 200 and 300,000 items, and MovieLens-100K's with
512, each by XLA.

The last line printed is JSON: `pretrain_ops` and `finetune_ops`, operations of a step;
`optimizer_share`, the larger of the two stages'; `shapes`, the most that an epoch of a stage has;
`padding_share`, the most of fine-tuning's cells; `hlo_loops`, of both stages' steps as XLA gets
them; `encode_user_copies` and `score_items_copies`, the tensors that a call of these signatures
copies to a GPU and back, of a ranker with random weights; with `--xla`, `xla_loss_difference`, the
largest relative one of a step, of both stages, without dropout; and on a GPU
`ranker_candidates_per_second`, `pretrain_sequences_per_second` and `fed_ratio`, the time of a step
fed from records over one from memory.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks import random_model
from benchmarks.gpu.copies import copies
from benchmarks.gpu.counts import Counted, count_step, shapes_of
from benchmarks.gpu.losses import largest_difference
from benchmarks.gpu.records import ROOT, available, stage_inputs
from benchmarks.gpu.speeds import measure, workloads
from trainer.finetune import ranking_stage
from trainer.fitting import Stage, make_model
from trainer.inputs import StageInputs
from trainer.pretrain import pretraining_stage
from trainer.ranking_batches import RankingBatches

_STAGE_OF: dict[str, Callable[[StageInputs], Stage]] = {
    "pretrain": pretraining_stage,
    "finetune": lambda inputs: ranking_stage(inputs, None),
}


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, default=ROOT / "build" / "bench-gpu")
    parser.add_argument("--steps", type=int, default=40, help="timed steps of a round")
    parser.add_argument("--xla", type=int, default=0, help="steps to compare losses of")
    arguments = parser.parse_args()
    names = available(arguments.records)
    if "ml_100k" not in names:
        raise SystemExit("data/ml-100k is not there: run `make data` first, or give --records")
    result = _counts(arguments.records) | _shapes(arguments.records, names) | _copies()
    if arguments.xla:
        result |= _losses(arguments.records, arguments.xla)
    if tf.config.list_physical_devices("GPU"):
        result |= _speeds(arguments.records, arguments.steps)
    print(json.dumps(result))


def _counts(records: Path) -> dict[str, Any]:
    counted: dict[str, Counted] = {}
    for name in _STAGE_OF:
        stage, config = _stage("ml_100k", name, records)
        counted[name] = count_step(make_model(stage, config), stage)
        print(f"ml_100k {name}: {json.dumps(counted[name]._asdict())}", flush=True)
    shares = [step.optimizer / step.operations for step in counted.values()]
    return {
        "pretrain_ops": counted["pretrain"].operations,
        "finetune_ops": counted["finetune"].operations,
        "optimizer_share": round(max(shares), 4),
        "hlo_loops": sum(step.loops for step in counted.values()),
        "optimizer_hlo_loops": sum(step.optimizer_loops for step in counted.values()),
    }


def _shapes(records: Path, names: list[str]) -> dict[str, Any]:
    shapes = []
    padding = []
    for name in names:
        for kind in _STAGE_OF:
            stage, _ = _stage(name, kind, records)
            shapes.append(len(shapes_of(stage)))
            print(f"{name} {kind}: {shapes[-1]} shapes in {stage.steps} batches", flush=True)
        inputs = stage_inputs(name, "finetune", records)
        padding.append(RankingBatches(inputs).padding(inputs.train))
        print(f"{name} finetune: {padding[-1]:.4f} of the cells are padding", flush=True)
    return {"shapes": max(shapes), "padding_share": round(max(padding), 4)}


def _copies() -> dict[str, int]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, signature in random_model.signatures(Path(folder)).items():
            of_signature = copies(signature)
            print(f"{name}: {json.dumps(of_signature)} copies", flush=True)
            found[f"{name}_copies"] = sum(of_signature.values())
    return found


def _losses(records: Path, steps: int) -> dict[str, Any]:
    largest = 0.0
    for kind, stage_of in _STAGE_OF.items():
        inputs = stage_inputs("ml_100k", kind, records)
        difference = largest_difference(stage_of, inputs, steps)
        print(f"ml_100k {kind}: {difference:.1e} is the largest difference by XLA", flush=True)
        largest = max(largest, difference)
    return {"xla_loss_difference": float(f"{largest:.1e}")}


def _speeds(records: Path, steps: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        speeds = {}
        for name, workload in workloads(Path(folder), records).items():
            speeds[name] = measure(workload, steps)
            print(f"{workload.name}: {json.dumps(speeds[name]._asdict())}", flush=True)
    return {
        "ranker_candidates_per_second": round(speeds["ranker"].per_second),
        "pretrain_sequences_per_second": round(speeds["pretrain"].per_second),
        "ml_100k_sequences_per_second": round(speeds["ml_100k"].per_second),
        "fed_ratio": round(max(speed.fed_ratio for speed in speeds.values()), 3),
    }


def _stage(name: str, kind: str, records: Path) -> tuple[Stage, Any]:
    inputs = stage_inputs(name, kind, records)
    return _STAGE_OF[kind](inputs), inputs.config


if __name__ == "__main__":
    main()
