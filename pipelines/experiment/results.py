"""What an experiment found, from the predictions of the cells that are done."""

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
    """AUC of a seed's predictions, and that of resampled users, [resamples]."""

    value: float
    resampled: np.ndarray


Aucs = dict[tuple[str, int], Auc]
"""By slice, or ALL candidates, and seed."""


def collect_results(experiment: Experiment) -> dict[str, TaskResult]:
    """What each task's models reach.

    That is the best baseline, and each model's metrics, slices, setting and difference to that
    baseline.
    """
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
                    del rows["history"]  # shorter histories, so other buckets
                found.setdefault(name, {})[seed] = rows
    return found


def _task(experiment: Experiment, rows: dict[str, BySeed], task: str) -> TaskResult:
    metrics: dict[str, dict[str, Spread]] = {}
    parts: dict[str, dict[str, SliceResult]] = {}
    baselines: list[str] = []
    for name, by_seed in rows.items():
        metrics[name] = _metrics(by_seed, task)
        parts[name] = _slices(list(by_seed.values()), task)
        if experiment.config.models[name].baseline:
            baselines.append(name)
    best = max(baselines, key=lambda name: metrics[name]["auc"].mean, default=None)
    # Models are compared on the seeds that they share with the best baseline.
    aucs: dict[str, Aucs] = {}
    shared: dict[str, BySeed] = {}
    of_best = rows[best] if best else {}
    for name, by_seed in rows.items():
        shared[name] = {}
        for seed, predictions in by_seed.items():
            if seed in of_best:
                shared[name][seed] = predictions
        aucs[name] = _aucs(shared[name], task, experiment.config.resamples, list(parts[name]))
    models = {}
    for name, by_seed in rows.items():
        difference = {}
        if best is not None and name != best and shared[name]:
            difference = _differences(aucs[name], aucs[best], list(shared[name]))
        models[name] = ModelResult(
            seeds=list(by_seed),
            validation_auc=_spread(_validation_aucs(experiment, name, list(by_seed))),
            metrics=metrics[name],
            slices=parts[name],
            setting=experiment.best_setting(name),
            difference=difference,
        )
    return TaskResult(best_baseline=best, models=models)


def _validation_aucs(experiment: Experiment, name: str, seeds: list[int]) -> list[float]:
    cells = [experiment.final_cell(name, seed) for seed in seeds]
    return [cell.result(experiment.cells).validation_auc for cell in cells]


def _metrics(by_seed: BySeed, task: str) -> dict[str, Spread]:
    of_seeds = [measure(predictions, task) for predictions in by_seed.values()]
    spreads: dict[str, Spread] = {}
    for key in METRICS:
        values = [of_seed[key] for of_seed in of_seeds]
        spreads[key] = _spread(values)
    return spreads


def _spread(values: Sequence[float]) -> Spread:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(mean=statistics.fmean(values), sd=deviation)


def _slices(seeds: list[Predictions], task: str) -> dict[str, SliceResult]:
    """Mean AUC over seeds, and candidates, by slice; slices without both labels are left out."""
    found = {}
    for name, chosen in slices(seeds[0]).items():
        values = []
        for rows in seeds:
            values.append(auc(rows[f"label_{task}"][chosen], rows[f"score_{task}"][chosen]))
        if not np.isnan(values).any():
            found[name] = SliceResult(auc=statistics.fmean(values), candidates=int(chosen.sum()))
    return found


def _aucs(by_seed: BySeed, task: str, resamples: int, names: Sequence[str]) -> Aucs:
    found = {}
    for seed, rows in by_seed.items():
        chosen = {ALL: np.ones(len(rows["user"]), bool), **slices(rows)}
        for name in (ALL, *names):
            users = rows["user"][chosen[name]]
            labels = rows[f"label_{task}"][chosen[name]]
            scores = rows[f"score_{task}"][chosen[name]]
            resampled = resampled_auc(users, labels, scores, resamples)
            found[name, seed] = Auc(auc(labels, scores), resampled)
    return found


def _differences(ours: Aucs, theirs: Aucs, seeds: list[int]) -> dict[str, Difference]:
    """AUC points of ours over theirs, with the interval: of ALL candidates and by slice."""
    names: dict[str, None] = {}  # a set that keeps the order
    for name, seed in ours:
        if (name, seed) in theirs:
            names[name] = None
    found = {}
    for name in names:
        our_aucs = [ours[name, seed] for seed in seeds]
        their_aucs = [theirs[name, seed] for seed in seeds]
        our_mean = statistics.fmean(auc.value for auc in our_aucs)
        their_mean = statistics.fmean(auc.value for auc in their_aucs)
        low, high = paired_interval(
            [auc.resampled for auc in our_aucs], [auc.resampled for auc in their_aucs]
        )
        difference = Difference(
            points=100 * (our_mean - their_mean), low=100 * low, high=100 * high
        )
        if name == ALL:
            difference = Difference(**difference.to_json(), seeds=seeds)
        found[name] = difference
    return found
