"""Draws an experiment's results."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.experiment.found import ModelResult, TaskResult


def draw(result: TaskResult, task: str) -> Figure:
    """Draws the models of one task.

    At the left is their AUC over seeds, at the right their difference to the best baseline by item
    popularity.
    """
    models = result.models
    figure = Figure(figsize=(9, 1.2 + 0.35 * len(models)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_auc(left, models, task)
    compared: dict[str, ModelResult] = {}
    for name, model in models.items():
        if model.difference:
            compared[name] = model
    _draw_popularity(right, compared, result)
    return figure


def _draw_auc(axes: Axes, models: Mapping[str, ModelResult], task: str) -> None:
    spreads = [model.metrics["auc"] for model in models.values()]
    means = [spread.mean for spread in spreads]
    errors = [spread.sd or 0.0 for spread in spreads]
    axes.errorbar(means, range(len(models)), xerr=errors, fmt="o", capsize=3)
    axes.set_yticks(range(len(models)), list(models))
    axes.invert_yaxis()
    axes.set_xlabel(f"test AUC, {task}: mean and standard deviation over seeds")


def _draw_popularity(axes: Axes, models: Mapping[str, ModelResult], result: TaskResult) -> None:
    for place, (name, model) in enumerate(models.items()):
        parts = {}
        for name_of_slice, value in model.difference.items():
            if name_of_slice.startswith("items: "):
                parts[name_of_slice.removeprefix("items: ")] = value
        points = [value.points for value in parts.values()]
        shift = 0.08 * (place - (len(models) - 1) / 2)  # models stand side by side
        places = [bucket + shift for bucket in range(len(parts))]
        below = [value.points - value.low for value in parts.values()]
        above = [value.high - value.points for value in parts.values()]
        axes.errorbar(places, points, yerr=[below, above], fmt="o", capsize=2, label=name)
        axes.set_xticks(range(len(parts)), list(parts))
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_ylabel(f"AUC points over {result.best_baseline}")
    axes.set_xlabel("item popularity")
    if models:
        axes.legend(frameon=False, fontsize=7)
