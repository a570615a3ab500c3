"""What a training step costs, and what it waits for: input, padding, precision, XLA."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.training.inputs import GeneratedInputs
from trainer.config import TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.finetune import ranking_stage
from trainer.fitting import Stage, make_model
from trainer.pretrain import pretraining_stage
from trainer.ranking_batches import RankingBatches

Step = Callable[[Any], None]
_WARM_UP = 8
_VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {"jit_compile": False},
    "bfloat16": {"precision": "bfloat16", "jit_compile": False},
    "xla": {"jit_compile": True},
    "bfloat16_xla": {"precision": "bfloat16", "jit_compile": True},
}


def measure(inputs: GeneratedInputs, steps: int) -> dict[str, Any]:
    """For both stages, the share of time spent on waiting for data, and a step's milliseconds.

    The latter by kind of step.
    """
    makers: dict[str, Callable[[GeneratedInputs], Stage]] = {
        "pretrain": pretraining_stage,
        "finetune": lambda given: ranking_stage(given, None),
    }
    found: dict[str, Any] = {}
    for name, make in makers.items():
        found[name] = _loop(make(inputs), inputs.config, steps)
        found[name]["one_batch_ms"] = _variants(make, inputs, steps)
    return found


def padding(inputs: GeneratedInputs) -> dict[str, dict[str, float]]:
    """The share of history and candidate cells that is padding.

    With batches of records of like size, and without.
    """
    records = inputs.records()
    seed = inputs.config.seed
    config = inputs.config
    candidates = len(next(iter(records.batches(inputs.train, 1)))["candidate_item_id"][0])
    windows = config.pretrain.batch_size
    requests = config.finetune.batch_size // candidates
    batches = {
        "pretrain": records.batches(inputs.train, windows, seed),
        "pretrain_by_length": records.batches(inputs.train, windows, seed, by_length=True),
        "finetune_buckets": records.candidate_batches(
            inputs.train, RankingBatches(inputs).plan, seed
        ),
        "finetune_unsorted": records.batches(inputs.train, requests, seed),
    }
    return {name: _waste(of_kind) for name, of_kind in batches.items()}


def step_of(stage: Stage, config: TrainerConfig) -> Step:
    """A training step that returns when its loss is there."""
    model = make_model(stage, config)
    train = tf.function(model.train_step, jit_compile=model.jit_compile, reduce_retracing=True)
    return lambda batch: train(batch)["loss"].numpy()


def _loop(stage: Stage, config: TrainerConfig, steps: int) -> dict[str, float]:
    step = step_of(stage, config)
    batches = iter(stage.train(WHOLE, 0))
    waited = 0.0
    worked = 0.0
    for number in range(steps + _WARM_UP):
        start = time.perf_counter()
        batch = next(batches)
        ready = time.perf_counter()
        step(batch)
        if number >= _WARM_UP:
            waited += ready - start
            worked += time.perf_counter() - ready
    return {"input_share": waited / (waited + worked), "step_ms": 1000 * (waited + worked) / steps}


def _variants(
    make: Callable[[GeneratedInputs], Stage], inputs: GeneratedInputs, steps: int
) -> dict[str, float | None]:
    """Medians over one batch again and again; None for a kind of step that the device has not."""
    stages: dict[str, Stage] = {}
    kinds: dict[str, Step] = {}
    for name, changes in _VARIANTS.items():
        config = inputs.config.model_copy(update=changes)
        stages[name] = make(inputs.by(config))
        kinds[name] = step_of(stages[name], config)
    batch = next(iter(stages["float32"].train(WHOLE, 0)))
    able: dict[str, Step] = {}
    for name, step in kinds.items():
        if _runs(step, batch):
            able[name] = step
    return dict.fromkeys(_VARIANTS) | medians(able, dict.fromkeys(able, batch), steps)


def _runs(step: Step, batch: Any) -> bool:
    try:
        step(batch)
    except tf.errors.UnimplementedError:  # XLA has no products of bfloat16 for most CPUs
        return False
    return True


def medians(kinds: dict[str, Step], batches: dict[str, Any], steps: int) -> dict[str, float]:
    """Median milliseconds of each kind of step, on its one batch; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(steps + _WARM_UP):
        for name, step in kinds.items():
            start = time.perf_counter()
            step(batches[name])
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: float(np.median(of_kind[_WARM_UP:])) for name, of_kind in times.items()}


def _waste(batches: tf.data.Dataset) -> dict[str, float]:
    cells = {"history": 0, "candidate": 0}
    real = {"history": 0, "candidate": 0}
    for batch in batches:
        for side in cells:
            items = batch[f"{side}_item_id"].numpy()
            cells[side] += items.size
            real[side] += int((items > 0).sum())
    return {side: 1 - real[side] / cells[side] for side in cells}
