"""What is said of the encoder: whether it pays, and where it learned nothing."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.counts.found import Gain
from pipelines.counts.verdict import encoder_pays
from pipelines.report.learned import is_all_learned, learned_line
from pipelines.report.results import RunMetrics
from pipelines.text import interval, signed


class Worth(NamedTuple):
    """Whether the encoder pays, and what follows.

    Attributes:
        said: A sentence without its full stop.
        advice: Another, with it; empty where it pays.
    """

    said: str
    advice: str = ""


_PAYS = Worth("The encoder pays")


def encoder_lines(metrics: RunMetrics) -> list[str]:
    """What a reader must know of the encoder; nothing where it learned and pays."""
    lines = []
    worth = encoder_worth(metrics)
    if worth is not None and worth != _PAYS:
        found = "; ".join(_gain(task, gain) for task, gain in gains(metrics).items())
        lines.append(f"{worth.said}: {found}. {worth.advice}")
    if not is_all_learned(metrics.pretrain):
        lines.append(learned_line(metrics.pretrain))
    return lines


def encoder_worth(metrics: RunMetrics) -> Worth | None:
    """What all tasks say together, by the rule that `evaluation.push: cheaper` goes by.

    None where the run didn't compare, or where no interval is known.
    """
    of_tasks = gains(metrics)
    counts = metrics.rivals.counts if metrics.rivals else None
    if counts is None or not of_tasks:
        return None
    if encoder_pays(counts):
        return _PAYS if any(gain.is_above for gain in of_tasks.values()) else None
    if not any(gain.is_below for gain in of_tasks.values()):
        return Worth("It isn't clear that the encoder pays", "The ranker without it is cheaper.")
    if any(gain.is_above for gain in of_tasks.values()):
        return Worth(
            "The encoder doesn't pay, for it costs a task accuracy",
            "The ranker without it is cheaper.",
        )
    return Worth("The encoder costs accuracy", "The ranker without it is better.")


def in_brackets(gain: Gain | None) -> str:
    """The gain's interval, to go behind its points; nothing where it isn't known."""
    if gain is None or gain.low is None or gain.high is None:
        return ""
    return f" (95 % interval {interval(gain.low, gain.high)})"


def gains(metrics: RunMetrics) -> dict[str, Gain]:
    """The encoder's gain by task; empty where the run didn't compare."""
    counts = metrics.rivals.counts if metrics.rivals else None
    return counts.encoder if counts else {}


def _gain(task: str, gain: Gain) -> str:
    if gain.points is None:
        return f"its gain on “{task}” is not known"
    return f"{signed(gain.points, 2)} points of test AUC of “{task}”{in_brackets(gain)}"
