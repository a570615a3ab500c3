"""What is said of the encoder where it doesn't pay: nothing learned, or nothing gained."""

from __future__ import annotations

from pipelines.counts.found import Gain
from pipelines.counts.verdict import encoder_pays
from pipelines.report.results import Attribute, RunMetrics
from pipelines.text import percent, ratio, signed

# What was learned of an attribute shows in one of two ways. Guesses are right so many times as
# often as always guessing the most frequent value, which tells where values are rare; ...
_TIMES = 1.1
# ... or they mend this share of its errors.
_MENDED = 0.02


def encoder_lines(metrics: RunMetrics) -> list[str]:
    """What a reader must know first of the encoder; nothing where it learned and pays."""
    return [*_unlearned(metrics.pretrain), *_without_gain(metrics)]


def interval(gain: Gain | None) -> str:
    """The gain's interval, to go behind its points; nothing where it isn't known."""
    if gain is None or gain.low is None or gain.high is None:
        return ""
    return f" (95 % interval {signed(gain.low, 2)} to {signed(gain.high, 2)})"


def gains(metrics: RunMetrics) -> dict[str, Gain]:
    """The encoder's gain by task; empty where the run didn't compare."""
    counts = metrics.rivals.counts if metrics.rivals else None
    return counts.encoder if counts else {}


def _unlearned(attributes: dict[str, Attribute]) -> list[str]:
    chance: list[str] = []
    shares: list[str] = []
    for name, values in attributes.items():
        if _is_chance(values):
            chance.append(name)
            accuracy = percent(values.accuracy)
            shares.append(f"{name} {accuracy} ({percent(values.chance_accuracy)})")
    if not chance:
        return []
    shown = ", ".join(shares)
    what = "nothing" if len(chance) == len(attributes) else f"nothing of {', '.join(chance)}"
    return [
        f"Pre-training taught the encoder next to {what}: its guesses of hidden values are right "
        f"hardly more often than always guessing the most frequent one: {shown}. "
        "More epochs (trainer.pretrain.epochs), a higher learning rate or more users may help."
    ]


def _is_chance(values: Attribute) -> bool:
    times = ratio(values.accuracy, values.chance_accuracy)
    if values.accuracy is None or values.chance_accuracy is None or times is None:
        return False
    mended = values.accuracy - values.chance_accuracy
    return times < _TIMES and mended < _MENDED * (1 - values.chance_accuracy)


def _without_gain(metrics: RunMetrics) -> list[str]:
    """What all tasks say together, by the rule that `evaluation.push: cheaper` goes by."""
    counts = metrics.rivals.counts if metrics.rivals else None
    if counts is None or not counts.encoder or encoder_pays(counts):
        return []
    of_tasks = counts.encoder
    found = "; ".join(_gain(task, gain) for task, gain in of_tasks.items())
    if not any(gain.is_below for gain in of_tasks.values()):
        verdict = "doesn't pay for sure"
        advice = "cheaper"
    elif any(gain.is_above for gain in of_tasks.values()):
        verdict = "doesn't pay, for it costs a task accuracy"
        advice = "cheaper"
    else:
        verdict = "costs accuracy"
        advice = "better"
    return [f"The encoder {verdict}: {found}. The ranker without it is {advice}."]


def _gain(task: str, gain: Gain) -> str:
    if gain.points is None:
        return f"its gain on “{task}” is not known"
    return f"{signed(gain.points, 2)} points of test AUC of “{task}”{interval(gain)}"
