"""Whether a run's model was blessed, and why not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfx.components.evaluator import constants
from tfx.dsl.io import fileio

from pipelines.checks.finding import Finding
from pipelines.components.blessing_gate import REFUSALS
from pipelines.config import EvaluationConfig
from pipelines.evaluated import load_evaluation, overall_aucs
from pipelines.report.results import Verdict

if TYPE_CHECKING:
    from tensorflow_model_analysis.proto.validation_result_pb2 import ValidationFailure


def verdict(
    blessing_dir: str, evaluation_dir: str, bars: EvaluationConfig, findings: Sequence[Finding]
) -> Verdict:
    """What became of a run's model.

    Args:
        blessing_dir: BlessingGate's output.
        evaluation_dir: The Evaluator's.
        bars: What was asked of the model.
        findings: DataChecks'.
    """
    if fileio.exists(f"{blessing_dir}/{constants.BLESSED_FILE_NAME}"):
        return Verdict(blessed=True, reasons=[])
    blocking = [finding.message for finding in findings if finding.policy != "warn"]
    reasons = [*_missed(evaluation_dir, bars), *_refused(blessing_dir), *blocking]
    return Verdict(blessed=False, reasons=reasons)


def _refused(blessing_dir: str) -> list[str]:
    """Why BlessingGate refused it; an older run's has left no reasons."""
    path = f"{blessing_dir}/{REFUSALS}"
    return json.loads(fileio.open(path).read()) if fileio.exists(path) else []


def _missed(evaluation_dir: str, bars: EvaluationConfig) -> list[str]:
    """The bars that it missed; an undefined AUC misses none, and is refused by BlessingGate."""
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(evaluation_dir)
    failures = []
    for found in result.metric_validations_per_slice:
        failures += found.failures
    # The output of a ranker for a task has the task's name.
    tasks = {failure.metric_key.output_name for failure in failures}
    aucs = overall_aucs(load_evaluation(evaluation_dir), sorted(tasks)) if tasks else {}
    reasons = []
    for failure in failures:
        if aucs[failure.metric_key.output_name] is not None:
            reasons.append(_reason(failure, bars))
    return reasons


def _reason(failure: ValidationFailure, bars: EvaluationConfig) -> str:
    task = failure.metric_key.output_name
    value = failure.metric_value.double_value.value
    if failure.metric_key.is_diff:
        return (
            f"The test AUC of “{task}” is {-value:.4f} below that of the last blessed model, and "
            f"may fall by {bars.max_auc_drop} (evaluation.max_auc_drop)."
        )
    return (
        f"The test AUC of “{task}” is {value:.4f}, and has to reach {bars.min_auc} "
        "(evaluation.min_auc)."
    )
