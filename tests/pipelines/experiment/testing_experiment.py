"""An experiment without records, for tests that train nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.config import RunConfig
from pipelines.experiment.config import ExperimentConfig
from pipelines.experiment.experiment import Experiment
from pipelines.experiment.records import Records
from tests.testing import small_spec


def small_experiment(cells: Path, config: dict[str, Any], **dataset: Any) -> Experiment:
    """Of the small data set, which other keywords change."""
    run = RunConfig(dataset=small_spec(**dataset))
    return Experiment(ExperimentConfig.model_validate({"run": "", **config}), run, _Fingerprinted("", "", ""), cells)


class _Fingerprinted(Records):
    fingerprint = "data"
