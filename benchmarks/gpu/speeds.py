"""How fast one GPU trains: from memory, and fed from records."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from benchmarks.gpu.records import stage_inputs
from benchmarks.training.inputs import write_inputs
from benchmarks.training.log import make_log
from benchmarks.training.setting import config
from trainer.config import TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.finetune import ranking_stage
from trainer.fitting import Stage, make_model
from trainer.inputs import StageInputs
from trainer.pretrain import pretraining_stage

_LENGTH = 200
_WIDTH = 64
_CANDIDATES = 100
_WARM_UP = 5
_ROUNDS = 5
_NEAR = 0.01  # of a first loss, relatively: a GPU's products may be TF32


class Workload(NamedTuple):
    """A row of the table.

    Attributes:
        name: What is trained.
        stage: Makes the stage that trains so.
        config: Its configuration.
        units: How many sequences or candidates a batch has.
    """

    name: str
    stage: Callable[[TrainerConfig], Stage]
    config: TrainerConfig
    units: Callable[[Any], int]


class Speed(NamedTuple):
    """How fast a step is.

    Attributes:
        per_second: Units per second, from one batch in memory.
        fed_ratio: The time of a step fed from records over that of one from memory.
    """

    per_second: float
    fed_ratio: float


def workloads(folder: Path, records: Path, scale: float = 1.0) -> dict[str, Workload]:
    """The table's rows; `scale` makes them smaller for a try.

    Args:
        folder: Where made-up records go.
        records: Where `stage_inputs` keeps those of public data sets.
        scale: Of batches and of the number of items.
    """
    windows = max(int(1024 * scale), 2)
    requests = max(int(64 * scale), 2)
    pretrain = config(_WIDTH, windows)
    log = make_log(8 * windows, 1, max(int(300_000 * scale), 1000), full=True, length=_LENGTH)
    sequences = write_inputs(folder / "sequences", log, pretrain, length=_LENGTH)
    rank = config(_WIDTH, requests * _CANDIDATES)
    log = make_log(16 * requests, _CANDIDATES, 10_000, full=True, length=_LENGTH)
    impressions = write_inputs(folder / "impressions", log, rank, length=_LENGTH)
    found = {
        "pretrain": Workload(
            "pre-training, 1024 x 200", _pretraining(sequences), pretrain, _sequences
        ),
        "ranker": Workload("ranker, 64 x 100 x 200", _ranking(impressions), rank, _real_candidates),
    }
    if records.exists():
        inputs = stage_inputs("ml_100k", "pretrain", records)
        larger = inputs.config.pretrain.model_copy(update={"batch_size": max(int(512 * scale), 2)})
        changed = inputs.config.model_copy(update={"pretrain": larger})
        found["ml_100k"] = Workload(
            "pre-training, MovieLens-100K x 512", _pretraining(inputs), changed, _sequences
        )
    return found


def measure(workload: Workload, steps: int) -> Speed:
    """Checks the first loss by XLA against the one without, then times steps in rounds; medians."""
    losses = {}
    for jit_compile in (False, True):
        changed = workload.config.model_copy(update={"jit_compile": jit_compile})
        stage = workload.stage(changed)
        keras.utils.set_random_seed(changed.seed)
        model = make_model(stage, changed)
        step = model.make_train_function()
        batch = next(iter(stage.train(WHOLE, 0)))
        memory = iter(tf.data.Dataset.from_tensors(batch).repeat().prefetch(4))
        losses[jit_compile] = float(step(memory)["loss"].numpy())
    if abs(losses[True] - losses[False]) > _NEAR * abs(losses[False]):
        raise SystemExit(
            f"{workload.name}: by XLA the first loss is {losses[True]}, and {losses[False]} without"
        )
    # `step` is the compiled one of the last turn.
    in_memory = _seconds(step, memory, steps)
    fed = _seconds(step, iter(stage.train(WHOLE, 0)), steps)
    return Speed(workload.units(batch) / in_memory, fed / in_memory)


def _seconds(step: Callable[[Iterator[Any]], Any], batches: Iterator[Any], steps: int) -> float:
    """Of a step: the clock stops when the last loss of a round is there."""
    times = []
    for number in range(_ROUNDS + 1):
        start = time.perf_counter()
        for _ in range(steps if number else _WARM_UP):
            logs = step(batches)
        logs["loss"].numpy()
        times.append((time.perf_counter() - start) / steps)
    return statistics.median(times[1:])


def _pretraining(inputs: StageInputs) -> Callable[[TrainerConfig], Stage]:
    return lambda changed: pretraining_stage(_by(inputs, changed))


def _ranking(inputs: StageInputs) -> Callable[[TrainerConfig], Stage]:
    return lambda changed: ranking_stage(_by(inputs, changed), None)


def _by(inputs: StageInputs, changed: TrainerConfig) -> StageInputs:
    return dataclasses.replace(inputs, config=changed)


def _sequences(batch: Any) -> int:
    return int(batch["features"]["history_item_id"].shape[0])


def _real_candidates(batch: Any) -> int:
    return int((batch[0]["candidate_item_id"] > 0).numpy().sum())
