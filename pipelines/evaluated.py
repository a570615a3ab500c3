"""What an Evaluator found on a whole split, and whether the model is better than plain rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipelines.data_report import DataReport
from pipelines.errors import RunError
from preprocessing.popularity import RULES

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma

EVALUATED = "test"
DIRECTED_BY = "validation"  # the split that says which direction of a rule is right


def load_evaluation(uri: str) -> tfma.EvalResult:
    """The evaluation of the model that was trained.

    Raises:
        RunError: it has no slices.
    """
    import tensorflow_model_analysis as tfma

    # Beside a model to beat, TFX calls it "candidate"; alone it has no name.
    alone = tfma.load_eval_result(uri)
    names = {spec.name for spec in alone.config.model_specs}
    result = tfma.load_eval_result(uri, model_name="candidate") if "candidate" in names else alone
    if not result.slicing_metrics:
        raise RunError(f"{uri}: the evaluation has no slices. Models in it: {sorted(names)}.")
    return result


def figures(metrics: dict[str, Any]) -> dict[str, float | None]:
    """The figures of one slice and task by name.

    They are None where they are undefined, as the AUC of labels that are all alike is.
    """
    values = {}
    for name, value in metrics[""].items():
        if value:
            number = next(iter(value.values()))  # TFMA has {"doubleValue": 0.7}
            values[name] = _number(number)
    return values


def overall_aucs(evaluation: tfma.EvalResult, tasks: list[str]) -> dict[str, float | None]:
    """The AUC of each task over all candidates; None where it is undefined."""
    overall = dict(evaluation.slicing_metrics)[()]
    return {task: figures(overall[task])["auc"] for task in tasks}


def refusals(aucs: dict[str, float | None], data: DataReport, margin: float) -> list[str]:
    """Why a model may not be blessed, whatever its bars.

    Its AUC is undefined, or a plain rule ranks better.

    Args:
        aucs: The model's, by task, on the test split.
        data: The data report.
        margin: How far a model has to be above a rule.
    """
    reasons = []
    for task, auc in aucs.items():
        if auc is None:
            reasons.append(
                f"The test AUC of “{task}” is undefined: its labels are all alike, so nothing was "
                "judged."
            )
            continue
        for rule, words in RULES.items():
            reached = rule_auc(data, rule, task)
            if reached is not None and auc < reached + margin:
                reasons.append(
                    f"The test AUC of “{task}” is {auc:.4f}, and {words} alone reaches "
                    f"{reached:.4f}: the model has to be better by {margin:g} "
                    "(evaluation.min_auc_over_rules)."
                )
    return reasons


def rule_auc(data: DataReport, rule: str, task: str) -> float | None:
    """A rule's AUC on the test split, in the direction that is right on the validation split."""
    tested = data.splits[EVALUATED].label_rules.get(task, {}).get(rule)
    before = data.splits[DIRECTED_BY].label_rules.get(task, {}).get(rule)
    if tested is None or before is None:
        return None
    return tested if before >= 0.5 else 1 - tested


def _number(value: Any) -> float | None:
    """A float that JSON can hold."""
    return None if value is None or math.isnan(float(value)) else float(value)
