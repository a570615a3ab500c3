"""The options of an optimizer."""

from __future__ import annotations

import pydantic

from preprocessing.config import Config


class OptimizerConfig(Config):
    """Adam with linear warm-up and polynomial decay to 0, and clipping by global norm.

    Attributes:
        learning_rate: The rate at the end of the warm-up.
        warmup: Share of all steps.
        decay_power: 1.0 is linear decay; 0.0 keeps the rate.
        clip_norm: Global norm the gradient is cut to.
        weight_decay: How much of a weight is taken off it in a step, as a share and per unit of the
            learning rate.
        sparse_above: Rows past which an embedding table is updated only where a batch has gradients
            for it; a part of a table on a parameter server counts by itself.
        table_rate: The learning rate of those tables, as a multiple of `learning_rate`.
    """

    learning_rate: float = pydantic.Field(1e-3, gt=0)
    warmup: float = pydantic.Field(0.05, ge=0, lt=1)
    decay_power: float = pydantic.Field(1.0, ge=0)
    clip_norm: float = pydantic.Field(1.0, gt=0)
    weight_decay: float = pydantic.Field(0.0, ge=0)
    sparse_above: int = pydantic.Field(50_000, ge=0)
    table_rate: float = pydantic.Field(1.0, gt=0)
