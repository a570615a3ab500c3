"""How both runs learned, and the time it took.

Shown are pre-training's loss and accuracies, and fine-tuning's validation AUC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipelines.report.blocks import Picture, Section, Table
from pipelines.report.comparison.pair import NAMES, Pair, compared
from pipelines.report.curves import curves
from pipelines.report.results import WITH_ENCODER, Attribute, RunResults
from pipelines.runners.progress import COMPONENTS
from pipelines.text import MISSING, decimal, difference, duration, percent, points, signed

Curve = list[float | None]


def training_section(pair: Pair) -> Section:
    """The section on training curves."""
    return Section(
        anchor="training",
        title="How they learned",
        finding=_finding(pair),
        pictures=[_loss(pair), _auc(pair)],
        tables=[_attributes(pair)],
    )


def time_section(pair: Pair) -> Section:
    """The section on time."""
    a, b = pair.both(lambda results: results.metrics.seconds)
    total_a = duration(sum(a.values()))
    total_b = duration(sum(b.values()))
    rows = []
    for name in COMPONENTS:
        if name in a or name in b:
            rows.append([name, *compared((a.get(name), b.get(name)), duration, _more)])
    caption = "A component from the cache shows its making"
    return Section(
        anchor="time",
        title="Where the time went",
        finding=f"The components took {total_a} in run A and {total_b} in run B.",
        tables=[Table(caption, ["Component", *NAMES, "B less A"], rows)],
    )


def _more(seconds: float | None) -> str:
    if seconds is None:
        return MISSING
    if abs(seconds) < 0.05:
        return "0 s"
    sign = "\N{MINUS SIGN}" if seconds < 0 else "+"
    return f"{sign}{duration(abs(seconds))}"


def _val_loss(results: RunResults) -> Curve:
    return list(results.pretrain_curves.get("val_loss", []))


def _val_auc(results: RunResults) -> Curve:
    return list(results.finetune_curves[WITH_ENCODER].get("val_mean_auc", []))


def _finding(pair: Pair) -> str:
    curve_a, curve_b = pair.both(_val_auc)
    a = max(_known(curve_a), default=None)
    b = max(_known(curve_b), default=None)
    gain = difference(b, a)
    if gain is None:
        return "The validation AUC was not recorded for both runs."
    return (
        f"At its best the validation AUC is {decimal(a)} in run A and {decimal(b)} in run B, a "
        f"difference of {points(gain)} points."
    )


def _known(curve: Curve) -> list[float]:
    return [value for value in curve if value is not None]


def _lines(pair: Pair, get: Callable[[RunResults], Curve]) -> dict[str, Curve]:
    return dict(zip(NAMES, pair.both(get), strict=True))


def _loss(pair: Pair) -> Picture:
    lines = _lines(pair, _val_loss)
    lowest: dict[str, float | None] = {}
    for name, curve in lines.items():
        lowest[name] = min(_known(curve), default=None)
    finding = (
        f"The lowest loss of held-out users is {decimal(lowest['A'], 3)} in run A and "
        f"{decimal(lowest['B'], 3)} in run B. Losses compare only where the same attributes were "
        "hidden."
    )
    chart = curves("pretrain-loss", lines, "Epoch", "Held-out loss, summed over attributes")
    return Picture("Pre-training: loss of the cloze tasks", finding, chart)


def _auc(pair: Pair) -> Picture:
    lines = _lines(pair, _val_auc)
    kept: dict[str, int | None] = {}
    peaks: dict[str, str] = {}
    for name, curve in lines.items():
        known = _known(curve)
        if known:
            best = curve.index(max(known))
            kept[name] = best
            peaks[name] = f"{best + 1} of {len(curve)}"
        else:
            kept[name] = None
            peaks[name] = MISSING
    finding = (
        f"With the encoder, run A peaked at evaluation {peaks['A']} and run B at {peaks['B']}."
    )
    chart = curves(
        "finetune-auc", lines, "Evaluation", "Validation AUC, mean over tasks", marked=kept
    )
    return Picture("Fine-tuning: validation AUC", finding, chart)


def _attributes(pair: Pair) -> Table:
    a, b = pair.both(lambda results: results.metrics.pretrain)
    rows = []
    for name in dict.fromkeys([*a, *b]):  # each once, in order
        accuracies = (_accuracy(a, name), _accuracy(b, name))
        rows.append([name, *compared(accuracies, percent, _points)])
    return Table("Accuracy on hidden attributes", ["Attribute", *NAMES, "B less A, points"], rows)


def _accuracy(attributes: Mapping[str, Attribute], name: str) -> float | None:
    return attributes[name].accuracy if name in attributes else None


def _points(gain: float | None) -> str:
    return signed(None if gain is None else 100 * gain, 1)
