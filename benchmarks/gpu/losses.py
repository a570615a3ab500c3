"""Whether steps compiled by XLA lose what the same steps lose without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tf_keras as keras

from trainer.config import TrainerConfig
from trainer.distribution.feeding import WHOLE
from trainer.fitting import Stage, make_model
from trainer.inputs import StageInputs


def largest_difference(
    stage_of: Callable[[StageInputs], Stage], inputs: StageInputs, steps: int
) -> float:
    """The largest relative difference of a step's loss by XLA, over the first steps of training.

    Nothing is dropped out: weights, batches and hidden cells are the same in both.

    Args:
        stage_of: Makes the stage from its inputs.
        inputs: Files and configuration.
        steps: How many steps both train for; each new shape of a batch takes its time to compile.
    """
    losses = []
    for jit_compile in (False, True):
        changed = dataclasses.replace(inputs, config=_without_dropout(inputs.config, jit_compile))
        stage = stage_of(changed)
        keras.utils.set_random_seed(changed.config.seed)
        model = make_model(stage, changed.config)
        step = model.make_train_function()
        batches = iter(stage.train(WHOLE, 0))
        of_steps = []
        for _ in range(steps):
            model.reset_metrics()  # or the logs would have the mean over all steps so far
            of_steps.append(float(step(batches)["loss"]))
        losses.append(np.array(of_steps))
    plain, compiled = losses
    return float(np.max(np.abs(compiled - plain) / np.abs(plain)))


def _without_dropout(config: TrainerConfig, jit_compile: bool) -> TrainerConfig:
    changes = {
        "encoder": config.encoder.model_copy(update={"dropout": 0.0}),
        "ranker": config.ranker.model_copy(update={"dropout": 0.0}),
        "jit_compile": jit_compile,
    }
    return config.model_copy(update=changes)
