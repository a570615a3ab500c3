"""What an experiment found, from the predictions of the cells that are done: all that a report says."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipelines.bootstrap import paired_interval, resampled_auc
from pipelines.experiment.cells import PREDICTIONS
from pipelines.experiment.experiment import Experiment
from pipelines.experiment.found import Difference, ModelResult, SliceResult, Spread, TaskResult
from pipelines.experiment.measures import Predictions, measure, slices
from pipelines.metrics import METRICS
from trainer.metrics import auc

BySeed = dict[int, Predictions]
ALL = "all"


class Auc(NamedTuple):
    """AUC of a seed's predictions, and [resamples] that of resampled users."""

    value: float
    resampled: np.ndarray


Aucs = dict[tuple[str, int], Auc]
"""By slice, or ALL candidates, and seed."""


def collect_results(experiment: Experiment) -> dict[str, TaskResult]:
    """By task: the best baseline, and each model's metrics, slices, setting and difference to that baseline."""
    rows = _predictions(experiment)
    return {task: _task(experiment, rows, task) for task in experiment.run.dataset.tasks}


def _predictions(experiment: Experiment) -> dict[str, BySeed]:
    """Model -> seed -> predictions, of tuned models and finished seeds.

    Shorter histories fill other buckets of length with the same requests, so models that have them
    lose that column.
    """
    found: dict[str, BySeed] = {}
    for name in filter(experiment.is_tuned, experiment.config.models):
        for seed in experiment.config.seeds:
            cell = experiment.final_cell(name, seed)
            if cell.is_done(experiment.cells):
                with np.load(cell.folder(experiment.cells) / PREDICTIONS) as content:
                    rows = dict(content)
                if experiment.config.models[name].history_length is not None:
                    del rows["history"]
                found.setdefault(name, {})[seed] = rows
    return found


def _task(experiment: Experiment, rows: dict[str, BySeed], task: str) -> TaskResult:
    metrics = {name: _metrics(by_seed, task) for name, by_seed in rows.items()}
    parts = {name: _slices(list(by_seed.values()), task) for name, by_seed in rows.items()}
    baselines = [name for name in rows if experiment.config.models[name].baseline]
    best = max(baselines, key=lambda name: metrics[name]["auc"].mean, default=None)
    shared = {
        name: {seed: by_seed[seed] for seed in by_seed if best and seed in rows[best]}
        for name, by_seed in rows.items()
    }
    resamples = experiment.config.resamples
    aucs = {name: _aucs(shared[name], task, resamples, list(parts[name])) for name in rows}
    models = {}
    for name, by_seed in rows.items():
        is_compared = best is not None and name != best and bool(shared[name])
        models[name] = ModelResult(
            seeds=list(by_seed),
            metrics=metrics[name],
            slices=parts[name],
            setting=experiment.best_setting(name),
            difference=_differences(aucs[name], aucs[best], list(shared[name]))
            if best and is_compared
            else {},
        )
    return TaskResult(best_baseline=best, models=models)


def _metrics(by_seed: BySeed, task: str) -> dict[str, Spread]:
    found = [measure(predictions, task) for predictions in by_seed.values()]
    return {key: _spread([values[key] for values in found]) for key in METRICS}


def _spread(values: Sequence[float]) -> Spread:
    return Spread(
        mean=statistics.fmean(values), sd=statistics.stdev(values) if len(values) > 1 else None
    )


def _slices(seeds: list[Predictions], task: str) -> dict[str, SliceResult]:
    """Mean AUC over seeds, and candidates, by slice; slices without both labels are left out."""
    found = {}
    for name, chosen in slices(seeds[0]).items():
        values = [
            auc(rows[f"label_{task}"][chosen], rows[f"score_{task}"][chosen]) for rows in seeds
        ]
        if not np.isnan(values).any():
            found[name] = SliceResult(auc=statistics.fmean(values), candidates=int(chosen.sum()))
    return found


def _aucs(by_seed: BySeed, task: str, resamples: int, names: Sequence[str]) -> Aucs:
    found = {}
    for seed, rows in by_seed.items():
        chosen = {ALL: np.ones(len(rows["user"]), bool), **slices(rows)}
        for name in (ALL, *names):
            columns = (
                rows[key][chosen[name]] for key in ("user", f"label_{task}", f"score_{task}")
            )
            users, labels, scores = columns
            found[name, seed] = Auc(
                auc(labels, scores), resampled_auc(users, labels, scores, resamples)
            )
    return found


def _differences(ours: Aucs, theirs: Aucs, seeds: list[int]) -> dict[str, Difference]:
    """AUC points of ours over theirs, with the interval: of ALL candidates and by slice."""
    found = {}
    for name in dict.fromkeys(name for name, seed in ours if (name, seed) in theirs):
        a, b = ([aucs[name, seed] for seed in seeds] for aucs in (ours, theirs))
        points = statistics.fmean(x.value for x in a) - statistics.fmean(x.value for x in b)
        low, high = paired_interval([x.resampled for x in a], [x.resampled for x in b])
        difference = Difference(points=100 * points, low=100 * low, high=100 * high)
        found[name] = Difference(**difference.to_json(), seeds=seeds) if name == ALL else difference
    return found
