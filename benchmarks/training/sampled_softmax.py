"""A pre-training step with a million items against one with ten thousand.

Both by sampled softmax.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.training.inputs import write_inputs
from benchmarks.training.log import make_log
from benchmarks.training.steps import medians, step_of
from trainer.config import TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.pretrain import pretraining_stage

_ITEMS = (10_000, 1_000_000)
_REQUESTS = 512


def measure(folder: Path, config: TrainerConfig, steps: int) -> dict[str, Any]:
    """Median milliseconds by number of items, and their ratio."""
    sampled = config.pretrain.model_copy(update={"sampled_softmax_above": _ITEMS[0] - 1})
    config = config.model_copy(update={"pretrain": sampled})
    kinds = {}
    batches = {}
    for items in _ITEMS:
        log = make_log(_REQUESTS, 1, items, full=True)
        stage = pretraining_stage(write_inputs(folder / f"items_{items}", log, config))
        kinds[str(items)] = step_of(stage, config)
        batches[str(items)] = next(iter(stage.train(WHOLE, 0)))
    times = medians(kinds, batches, steps)
    return {"step_ms": times, "ratio": times[str(_ITEMS[1])] / times[str(_ITEMS[0])]}
