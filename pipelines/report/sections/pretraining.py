"""How well FG-BERT learned to fill in hidden attributes of held-out users' histories."""

from __future__ import annotations

from pipelines.content import LearningCurves
from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.curves import curves
from pipelines.report.learned import is_learned, learned, learned_line
from pipelines.report.results import Attribute, RunResults
from pipelines.report.trend import still_moves
from pipelines.text import MISSING, count, decimal, percent, ratio


def pretraining_section(results: RunResults) -> Section:
    """The section on pre-training."""
    attributes = results.metrics.pretrain
    logs = results.pretrain_curves
    groups = []
    for name, values in attributes.items():
        groups.append(Bars(name, [values.accuracy, values.chance_accuracy]))
    chart = bars("attributes", groups, percent, ["FG-BERT", "Chance"])
    return Section(
        anchor="pre-training",
        title="Pre-training",
        finding=learned_line(attributes),
        pictures=[
            Picture("Loss of the cloze tasks", _loss_finding(logs), _losses(logs)),
            Picture("Accuracy against chance", _best(attributes), chart),
        ],
        tables=[_table(attributes)],
    )


def _best(attributes: dict[str, Attribute]) -> str:
    known = {}
    for name, values in attributes.items():
        lift = ratio(values.accuracy, values.chance_accuracy)
        if lift is not None and is_learned(values):
            known[name] = lift
    if not known:
        return f"{learned(attributes)}."
    best = max(known, key=lambda name: known[name])
    values = attributes[best]
    return (
        f"The clearest is {best}: right in {percent(values.accuracy)} of the hidden cells, "
        f"{known[best]:.2f} times as often as by chance ({percent(values.chance_accuracy)})."
    )


def _losses(logs: LearningCurves) -> str:
    lines = {"Held-out users": logs.get("val_loss", []), "Training users": logs.get("loss", [])}
    return curves("pretrain-loss", lines, "Epoch", "Loss, summed over attributes")


def _loss_finding(logs: LearningCurves) -> str:
    losses = []
    for number, value in enumerate(logs.get("val_loss", []), 1):
        if value is not None:
            losses.append((value, number))
    if not losses:
        return "No held-out loss was recorded."
    first, _ = losses[0]
    best, epoch = min(losses)
    last, epochs = losses[-1]
    if epochs == 1:
        return f"After its one epoch the held-out loss is {decimal(last, 3)}."
    if best >= first:
        return (
            f"The held-out loss never fell below the first epoch's {decimal(first, 3)}: nothing "
            "general was learned."
        )
    text = f"The held-out loss fell from {decimal(first, 3)} to {decimal(best, 3)}"
    if epoch < epochs:
        return (
            f"{text} in epoch {epoch} of {epochs} and ended at {decimal(last, 3)}: longer training "
            "is unlikely to help."
        )
    text += f" and was lowest in the last epoch, {epochs}"
    if still_moves([loss for loss, _ in losses]):
        return f"{text}: more epochs might help."
    return f"{text}, but hardly fell towards the end: longer training is unlikely to help."


def _table(attributes: dict[str, Attribute]) -> Table:
    rows = []
    for name, values in attributes.items():
        accuracy = percent(values.accuracy)
        chance = percent(values.chance_accuracy)
        hidden = count(values.hidden)
        rows.append([name, accuracy, chance, _times(values), hidden, decimal(values.loss, 3)])
    header = ["Attribute", "Accuracy", "Chance", "Times chance", "Hidden values", "Loss"]
    caption = "Hidden attributes of held-out users. Chance: always the most frequent value."
    return Table(caption, header, rows)


def _times(values: Attribute) -> str:
    lift = ratio(values.accuracy, values.chance_accuracy)
    return MISSING if lift is None else f"{lift:.2f}"
