"""An experiment without records, for tests that train nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.config import RunConfig
from pipelines.experiment.config import ExperimentConfig
from pipelines.experiment.experiment import Experiment
from pipelines.experiment.records import Records
from preprocessing.spec import DatasetSpec
from tests.testing import small_spec


def small_experiment(cells: Path, config: dict[str, Any], **dataset: Any) -> Experiment:
    """Of the small data set, which other keywords change."""
    run = RunConfig(dataset=small_spec(**dataset))
    experiment = ExperimentConfig.model_validate({"run": "", **config})
    records = {
        model.history_length: fingerprinted(str(model.history_length))
        for model in experiment.models.values()
    }
    return Experiment(experiment, run, records, cells)


def fingerprinted(text: str, spec: DatasetSpec | None = None) -> Records:
    """Records that are nowhere, told apart by a fingerprint."""

    class Fingerprinted(Records):
        fingerprint = text

    return Fingerprinted(spec or small_spec(), "", "", "")
