"""A ranker of this package, trained from gzipped records.

python -m benchmarks.training.our_side FOLDER MODEL ITEMS CANDIDATES
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.training.inputs import spec, written_inputs
from benchmarks.training.rounds import answer
from benchmarks.training.sizes import (
    ATTENTION,
    BATCH,
    CLIP_NORM,
    EMBEDDING,
    FEEDFORWARD,
    HEADS,
    HIDDEN,
    LEARNING_RATE,
)
from trainer.config import FinetuneConfig, OptimizerConfig, TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.finetune import ranking_stage
from trainer.fitting import make_model
from trainer.registry import MODEL

_OWN: dict[str, dict[str, Any]] = {
    "din": {"attention_units": ATTENTION},
    "bst": {"bst": {"layers": 1, "heads": HEADS, "feedforward": FEEDFORWARD, "dropout": 0.0}},
}


def config(model: str) -> TrainerConfig:
    """The ranker with one expert and without dropout.

    So its head is as large as the rivals' networks, which have no dropout.
    """
    return TrainerConfig(
        ranker=MODEL.of(
            {
                "model": model,
                "embedding_dim": EMBEDDING,
                "experts": 1,
                "expert_units": HIDDEN[:2],
                "tower_units": HIDDEN[2],
                "dropout": 0.0,
            }
            | _OWN.get(model, {})
        ),
        finetune=FinetuneConfig(
            epochs=100,
            batch_size=BATCH,
            evaluations_per_epoch=1,
            optimizer=OptimizerConfig(learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM),
        ),
    )


def main(folder: Path, model: str, items: int, candidates: int) -> None:
    """A round is a pass over the records, by the steps that `fit` makes."""
    inputs = written_inputs(folder, spec(False), config(model), items)
    stage = ranking_stage(inputs, None)
    step = make_model(stage, inputs.config).make_train_function()
    batches = iter(stage.train(WHOLE, 0))

    def train() -> int:
        for _ in range(stage.steps):
            logs = step(batches)
        logs["loss"].numpy()
        return candidates

    answer(train)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
