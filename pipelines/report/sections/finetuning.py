"""How the validation AUC rose with and without the encoder, and which weights were kept."""

from __future__ import annotations

from pipelines.report.blocks import MODELS, WITH, WITHOUT, Picture, Section, Table
from pipelines.report.curves import curves
from pipelines.report.results import RunResults
from pipelines.report.trend import still_moves
from pipelines.text import MISSING, decimal, difference, points

_Curve = list[float | None]


def finetuning_section(results: RunResults) -> Section:
    """The section on fine-tuning."""
    step = 1 / results.metrics.config["trainer"]["finetune"]["evaluations_per_epoch"]
    aucs: dict[str, _Curve] = {}
    for key, label in MODELS.items():
        aucs[label] = list(results.finetune_curves[key].get("val_mean_auc", []))
    kept = {label: _best(curve) for label, curve in aucs.items()}
    measured = "Validation AUC"
    if len(results.metrics.tasks) > 1:
        measured += ", mean over tasks"
    chart = curves("finetune-auc", aucs, "Epoch", measured, step, kept)
    finding = _length_finding(aucs, kept, step)
    return Section(
        anchor="fine-tuning",
        title="Fine-tuning",
        finding=_finding(aucs, kept),
        pictures=[Picture("Validation AUC while training", finding, chart)],
        tables=[_table(aucs, kept, step)],
    )


def _best(curve: _Curve) -> int | None:
    """The index of the highest value, the first of several."""
    known = [value for value in curve if value is not None]
    return curve.index(max(known)) if known else None


def _at_best(curve: _Curve, index: int | None) -> float | None:
    return None if index is None else curve[index]


def _finding(aucs: dict[str, _Curve], kept: dict[str, int | None]) -> str:
    ours = _at_best(aucs[WITH], kept[WITH])
    without = _at_best(aucs[WITHOUT], kept[WITHOUT])
    gain = difference(ours, without)
    if gain is None:
        return "The validation AUC was not recorded for both models."
    kept_weights = "The weights of the best evaluation are the ones kept."
    best = f"At its best the validation AUC is {decimal(ours)} with the encoder"
    if not round(gain, 4):
        return f"{best} and without it. {kept_weights}"
    size = points(abs(gain)).lstrip("+")
    where = "above" if gain > 0 else "below"
    return f"{best}, {size} points {where} the {decimal(without)} without it. {kept_weights}"


def _length_finding(aucs: dict[str, _Curve], kept: dict[str, int | None], step: float) -> str:
    said = []
    for label, curve in aucs.items():
        index = kept[label]
        if index is not None:
            epochs = f"{step * (index + 1):.3g} of {step * len(curve):.3g} epochs"
            known = [value for value in curve if value is not None]
            is_last = index == len(curve) - 1
            later = " and might rise further" if is_last and still_moves(known) else ""
            said.append(f"{label.lower()} it peaked after {epochs}{later}")
    return f"{'; '.join(said).capitalize()}." if said else "No evaluation was recorded."


def _table(aucs: dict[str, _Curve], kept: dict[str, int | None], step: float) -> Table:
    rows = []
    for label, curve in aucs.items():
        index = kept[label]
        when = MISSING if index is None else f"{step * (index + 1):.3g}"
        last = curve[-1] if curve else None
        best = decimal(_at_best(curve, index))
        rows.append([label, best, when, f"{step * len(curve):.3g}", decimal(last)])
    header = ["Ranker", "Best AUC", "After epoch", "Epochs", "Last AUC"]
    return Table("Early stopping", header, rows)
