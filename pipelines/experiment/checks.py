"""What can be said against an experiment, before it is trained and before it is published."""

from __future__ import annotations

from collections.abc import Mapping

import pydantic

from pipelines.config import RunConfig
from pipelines.errors import RunError
from pipelines.experiment.config import ChoiceConfig, ExperimentConfig
from pipelines.experiment.found import Found, ModelResult
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


def check_published(found: Found, choice: ChoiceConfig | None) -> None:
    """Checks that a table may be published.

    Every model has all its seeds: fewer would favour those with the luckier ones. And the setting
    that the run has is the one that validation picks, so that no test split picks it.

    Raises:
        RunError: one of them doesn't hold.
    """
    if found.missing:
        trainings = ", ".join(f"{count} of {name}" for name, count in found.missing.items())
        raise RunError(
            f"--publish needs all models with all their seeds. Still missing: {trainings}. Run the "
            "experiment without --only and --no-train first."
        )
    if choice is None:
        return
    # Any task's models have the same validation AUC: it is the mean over the tasks.
    models = next(iter(found.tasks.values())).models
    best = best_by_validation(models)
    best_auc = models[best].validation_auc.mean
    chosen_auc = models[choice.chosen].validation_auc.mean
    if chosen_auc < best_auc - choice.within:
        raise RunError(
            f"--publish: choice.chosen is {choice.chosen}, with a validation AUC of "
            f"{chosen_auc:.4f}; {best} has {best_auc:.4f}, more than {choice.within} above it. "
            f"Give the run {best}'s setting and name it in choice.chosen, or say in choice.within "
            "what a cheaper setting may lose."
        )


def best_by_validation(models: Mapping[str, ModelResult]) -> str:
    """The name of the model with the best mean validation AUC."""
    return max(models, key=lambda name: models[name].validation_auc.mean)


def _trainer(
    config: ExperimentConfig, run: RunConfig, name: str, setting: Overrides
) -> TrainerConfig:
    try:
        return config.trainer_config(run.trainer, name, setting, config.seeds[0])
    except pydantic.ValidationError as error:
        place = f"models.{name}" + (f" with {setting}" if setting else "")
        raise explained(error, TrainerConfig, place) from None
