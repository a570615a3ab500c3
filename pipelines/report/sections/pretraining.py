"""How well FG-BERT learned to fill in hidden attributes of held-out users' histories."""

from __future__ import annotations

from pipelines.content import LearningCurves
from pipelines.report.bars import Bars, bars
from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.curves import curves
from pipelines.report.results import Attribute, RunResults
from pipelines.text import MISSING, decimal, difference, percent, ratio


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
        finding=_finding(attributes),
        pictures=[
            Picture("Loss of the cloze tasks", _loss_finding(logs), _losses(logs)),
            Picture("Accuracy against chance", _best(attributes), chart),
        ],
        tables=[_table(attributes)],
    )


def _gain(values: Attribute) -> float | None:
    return difference(values.accuracy, values.chance_accuracy)


def _finding(attributes: dict[str, Attribute]) -> str:
    learned: list[str] = []
    rest: list[str] = []
    for name, values in attributes.items():
        gain = _gain(values)
        if gain is not None and gain > 0:
            learned.append(name)
        else:
            rest.append(name)
    text = (
        f"FG-BERT predicts {len(learned)} of {len(attributes)} hidden attributes better than chance"
    )
    return f"{text}, but not {', '.join(rest)}." if rest and learned else f"{text}."


def _best(attributes: dict[str, Attribute]) -> str:
    known = {}
    for name, values in attributes.items():
        lift = ratio(values.accuracy, values.chance_accuracy)
        if lift is not None:
            known[name] = lift
    if not known:
        return "No attribute's accuracy can be compared with chance."
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
    if epoch == epochs:
        return f"{text} and was lowest in the last epoch, {epochs}: more epochs might help."
    return (
        f"{text} in epoch {epoch} of {epochs} and ended at {decimal(last, 3)}: longer training is "
        "unlikely to help."
    )


def _table(attributes: dict[str, Attribute]) -> Table:
    rows = []
    for name, values in attributes.items():
        accuracy = percent(values.accuracy)
        chance = percent(values.chance_accuracy)
        rows.append([name, accuracy, chance, _times(values), decimal(values.loss, 3)])
    header = ["Attribute", "Accuracy", "Chance", "Times chance", "Loss"]
    caption = "Hidden attributes of held-out users. Chance: always the most frequent value."
    return Table(caption, header, rows)


def _times(values: Attribute) -> str:
    lift = ratio(values.accuracy, values.chance_accuracy)
    return MISSING if lift is None else f"{lift:.2f}"
