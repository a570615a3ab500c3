"""How an experiment's results were made, so that they can be made again."""

from __future__ import annotations

import datetime
from pathlib import Path

from pipelines.experiment.experiment import Experiment
from pipelines.experiment.found import Made
from pipelines.revision import code_revision, short_revision
from pipelines.tuning import TuningConfig, dotted
from pipelines.versions import installed_version


def provenance(experiment: Experiment, config_path: Path) -> Made:
    """How the results of an experiment are made, in words."""
    config = experiment.config
    return Made(
        command=f"srp4ctr experiment {config_path}",
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        commit=_commit(),
        stack=f"TensorFlow {installed_version('tensorflow')}, one thread a training",
        data=f"{experiment.run.dataset.name}, records {_fingerprints(experiment)}",
        seeds=", ".join(map(str, config.seeds)),
        tuning=_tuning(config.tuning),
        trainer=dict(dotted(config.trainer)),
        resamples=config.resamples,
    )


def _tuning(tuning: TuningConfig) -> str:
    if not tuning.trials:
        return "none"
    space = [f"{key} of {', '.join(map(str, values))}" for key, values in tuning.space.items()]
    return (
        f"{tuning.trials} trials a model on the first seed, by validation AUC ({'; '.join(space)})"
    )


def _fingerprints(experiment: Experiment) -> str:
    texts = []
    for length, records in experiment.records.items():
        of_length = "" if length is None else f" of histories of {length}"
        texts.append(f"{records.fingerprint}{of_length}")
    return ", ".join(texts)


def _commit() -> str:
    revision = code_revision()
    return short_revision(revision) if revision else "unknown"
