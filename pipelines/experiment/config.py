"""What an experiment compares."""

from __future__ import annotations

import pydantic

from pipelines.tuning import Overrides, TuningConfig, override
from preprocessing.config import Config, changed
from trainer.config import TrainerConfig


class ModelConfig(Config):
    """One row of the results.

    Attributes:
        trainer: What differs from the other models' trainer configuration, nested as there.
        pretrained: Whether its encoder starts from pre-training (with the same seed).
        baseline: Whether it is one of those that the best is taken of, to compare with.
        history_length: Behaviours of a history at most, if not as many as the run's (L in the
            paper).
        counts: Whether it is boosted trees on counts, which no trainer's configuration counts for.
    """

    trainer: Overrides = {}
    pretrained: bool = False
    baseline: bool = False
    history_length: int | None = pydantic.Field(None, ge=1)
    counts: bool = False

    @pydantic.model_validator(mode="after")
    def _check(self) -> ModelConfig:
        if self.counts and (self.trainer or self.pretrained):
            raise ValueError(
                "counts: true is trees, which have no trainer and are not pre-trained. "
                "Leave those out"
            )
        return self


class ChoiceConfig(Config):
    """Which model has the run's own setting, and how it was chosen: by validation.

    Attributes:
        chosen: The model whose setting the run's configuration has.
        within: How far its validation AUC may be below the best model's. A setting that costs less
            may be chosen where it ranks as well.
    """

    chosen: str
    within: float = pydantic.Field(0.0, ge=0, lt=1)


class ExperimentConfig(Config):
    """An experiment's whole configuration.

    Attributes:
        run: The YAML file of the run whose records and trainer configuration are used.
        trainer: What differs from the run's trainer configuration in all models, nested as there.
        without_counts: Whether the run's match features and statistics are left out, of all models.
        models: By name.
        seeds: Each trains every model anew, pre-training included.
        choice: Where models are settings to choose from: the one that the run has. Publishing
            checks it.
        tuning: How hyper-parameters are chosen.
        resamples: Of the bootstrap.
    """

    run: str
    trainer: Overrides = {}
    without_counts: bool = False
    models: dict[str, ModelConfig] = pydantic.Field(min_length=1)
    seeds: tuple[int, ...] = pydantic.Field((1, 2, 3), min_length=1)
    choice: ChoiceConfig | None = None
    tuning: TuningConfig = TuningConfig()
    resamples: int = pydantic.Field(1000, ge=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> ExperimentConfig:
        if not any(model.baseline for model in self.models.values()):
            raise ValueError("at least one of models must be a baseline (baseline: true)")
        if self.choice is not None and self.choice.chosen not in self.models:
            raise ValueError(
                f"choice.chosen must be one of models: {', '.join(self.models)}. "
                f"Received: {self.choice.chosen}"
            )
        trees = [name for name, model in self.models.items() if model.counts]
        if self.without_counts and trees:
            raise ValueError(
                "without_counts leaves nothing for trees to be of. Leave it out, or these models: "
                f"{', '.join(trees)}"
            )
        return self

    def trainer_config(
        self, run: TrainerConfig, name: str, setting: Overrides, seed: int
    ) -> TrainerConfig:
        """A model's trainer configuration.

        It is the run's, with what differs in all models, in this one, and by its setting. What the
        run and all models have, a model takes as far as it counts there; what is said of the model
        must count.

        Raises:
            pydantic.ValidationError: the result is no trainer configuration.
        """
        return override(changed(run, self.trainer), self.models[name].trainer, setting, seed)
