"""What can be said against an experiment before anything is trained."""

from __future__ import annotations

import pydantic

from pipelines.config import RunConfig
from pipelines.experiment.config import ExperimentConfig
from pipelines.experiment.records import with_history_length
from pipelines.tuning import Overrides
from preprocessing.config import ConfigError, explained
from trainer.config import TrainerConfig


def check_experiment(config: ExperimentConfig, run: RunConfig) -> None:
    """Checks every model with every setting that is tried.

    Raises:
        ConfigError: a model is none, or doesn't fit the run's records, or something that is said of
            it doesn't count.
    """
    for name, model in config.models.items():
        # No records are made yet: this only names them.
        dataset = with_history_length(run, model.history_length).dataset
        for setting in config.tuning.settings():
            trainer = _trainer(config, run, name, setting)
            try:
                trainer.check_fits(dataset)
            except ConfigError as error:
                raise ConfigError(f"models.{name}: {error}") from None
            if model.pretrained and not trainer.ranker.has_encoder:
                raise ConfigError(
                    f"models.{name}.pretrained: its ranker has no encoder that could be "
                    "pre-trained. Leave it out"
                )


def _trainer(
    config: ExperimentConfig, run: RunConfig, name: str, setting: Overrides
) -> TrainerConfig:
    try:
        return config.trainer_config(run.trainer, name, setting, config.seeds[0])
    except pydantic.ValidationError as error:
        place = f"models.{name}" + (f" with {setting}" if setting else "")
        raise explained(error, TrainerConfig, place) from None
