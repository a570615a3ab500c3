"""Settings of the trainer to try, and how they change its configuration."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pydantic

from preprocessing.conditions import CountsWith
from preprocessing.config import Config, changed, merge
from trainer.config import TrainerConfig

Overrides = dict[str, Any]


class TuningConfig(Config):
    """A random search, with the same settings for every model.

    The best validation AUC of the first seed wins.

    Attributes:
        trials: How many settings are tried; 0 keeps the run's own.
        seed: Chooses the settings.
        space: Dotted trainer keys, such as finetune.optimizer.learning_rate, and the values to
            choose from.
    """

    trials: int = pydantic.Field(0, ge=0)
    seed: int = 0
    space: Annotated[dict[str, tuple[Any, ...]], CountsWith("trials")] = {}

    def settings(self) -> list[Overrides]:
        """The settings to try, by dotted key; one empty one without tuning."""
        if not self.trials:
            return [{}]
        combinations = itertools.product(*self.space.values())
        grid = [dict(zip(self.space, values, strict=True)) for values in combinations]
        return random.Random(self.seed).sample(grid, self.trials)

    @pydantic.model_validator(mode="after")
    def _check(self) -> TuningConfig:
        size = 1
        for values in self.space.values():
            size *= len(values)
        if self.trials > size:
            raise ValueError(
                f"trials must not exceed the {size} settings of the space. Received: {self.trials}"
            )
        return self


def override(
    config: TrainerConfig, structured: Overrides, setting: Overrides, seed: int
) -> TrainerConfig:
    """`config` with overrides nested as it is, then a setting's dotted ones, and a seed.

    Raises:
        pydantic.ValidationError: the result is no trainer configuration.
    """
    changes = dict(structured)
    for key, value in setting.items():
        changes = merge(changes, nested(key, value))
    return changed(config, changes | {"seed": seed})


def nested(key: str, value: Any) -> Overrides:
    """A value under a dotted key, as mappings within each other."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def dotted(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys of mappings within each other, and their values."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
