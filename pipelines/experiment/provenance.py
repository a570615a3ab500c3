"""How an experiment's results were made, so that they can be made again."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from pipelines.experiment.experiment import Experiment
from pipelines.experiment.found import CellResult, Made
from pipelines.revision import short_revision
from pipelines.tuning import TuningConfig, dotted

_UNKNOWN = "unknown"
_TITLES = {"tensorflow": "TensorFlow", "lightgbm": "LightGBM"}


def provenance(experiment: Experiment, config_path: Path) -> Made:
    """How the results of an experiment are made, in words."""
    config = experiment.config
    done = list(experiment.done())
    return Made(
        command=f"srp4ctr experiment {config_path}",
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        commit=_commits(done),
        stack=f"{_stack(done)}, one thread a training",
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


def _commits(done: Sequence[CellResult]) -> str:
    """The revisions that trained, which other ones may report."""
    found: dict[str, None] = {}  # a set that keeps the order
    for result in done:
        found[short_revision(result.commit) if result.commit else _UNKNOWN] = None
    return ", ".join(found) or _UNKNOWN


def _stack(done: Sequence[CellResult]) -> str:
    """The packages that trained, those whose versions people ask for."""
    found: dict[str, None] = {}
    for package, title in _TITLES.items():
        for result in done:
            if package in result.stack:
                found[f"{title} {result.stack[package]}"] = None
    return ", ".join(found) or f"TensorFlow {_UNKNOWN}"
