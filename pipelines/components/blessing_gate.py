"""BlessingGate: the last word on whether a model is pushed.

A model that the Evaluator blessed is blessed only if its data passed its checks, too, and if no
plain rival ranks better.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.components.evaluator import constants
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipelines.components.blessings import BLESSED, FINAL, MODEL_ID, SPAN
from pipelines.components.counts import read_counts
from pipelines.components.data_checks import read_checks
from pipelines.counts.found import Counts
from pipelines.counts.verdict import DOES_NOT_PAY, not_beaten, refused_for_encoder
from pipelines.data_report import DataReport
from pipelines.evaluated import load_evaluation, overall_aucs, refusals
from preprocessing.quarantine import read_report

COUNTS = "counts"  # the rival of that name in must_beat
REFUSALS = "refusals.json"  # why a model is refused whatever its bars


class _Spec(ComponentSpec):
    # Nobody reads `code`: it makes TFX's cache see a change of code.
    PARAMETERS = {
        SPAN: ExecutionParameter(type=int),
        "tasks": ExecutionParameter(type=str),
        "margin": ExecutionParameter(type=float),
        "must_beat": ExecutionParameter(type=str),
        "if_encoder": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "evaluator_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "findings": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "counts": ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.ModelBlessing)}


class Executor(base_executor.BaseExecutor):
    """Passes the Evaluator's verdict on.

    Refuses the model where a finding blocks, where it is no better than a plain rival, or where
    the other of the two rankers is to be pushed.
    """

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the final blessing, as TFX's Pusher reads it."""
        verdict = artifact_utils.get_single_instance(input_dict["evaluator_blessing"])
        findings = artifact_utils.get_single_instance(input_dict["findings"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        found = read_checks(findings.uri).findings
        blocked = any(finding.policy != "warn" for finding in found)
        refused = _refusals(
            artifact_utils.get_single_instance(input_dict["evaluation"]).uri,
            artifact_utils.get_single_instance(input_dict["examples"]).uri,
            exec_properties,
        )
        if_encoder = exec_properties["if_encoder"]
        if COUNTS in json.loads(exec_properties["must_beat"]):
            refused += not_beaten(_read_counts(input_dict), by_base=if_encoder == DOES_NOT_PAY)
        if if_encoder:
            refused += refused_for_encoder(_read_counts(input_dict), if_encoder)
        with fileio.open(f"{blessing.uri}/{REFUSALS}", "w") as file:
            file.write(json.dumps(refused, ensure_ascii=False))
        is_blessed = model_utils.is_model_blessed(verdict) and not blocked and not refused
        blessing.set_int_custom_property(BLESSED, int(is_blessed))
        blessing.set_int_custom_property(FINAL, 1)
        blessing.set_int_custom_property(SPAN, exec_properties[SPAN])
        blessing.set_int_custom_property(MODEL_ID, verdict.get_int_custom_property(MODEL_ID))
        # TFX's Pusher looks for this file, its resolvers for the properties.
        name = constants.BLESSED_FILE_NAME if is_blessed else constants.NOT_BLESSED_FILE_NAME
        with fileio.open(f"{blessing.uri}/{name}", "w") as file:
            file.write("")


class BlessingGate(base_component.BaseComponent):
    """The last word on a model.

    Args:
        evaluator_blessing: The Evaluator's verdict.
        evaluation: What it measured.
        findings: DataChecks'.
        examples: The records, beside which the data report is.
        tasks: The data set's.
        margin: How far a model has to be above plain rules.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
        span: The newest day that the records cover; 0 where time isn't cut in spans.
        must_beat: Which rivals the model has to beat.
        counts: What trees on counts reach and what the encoder adds, where it was measured.
        if_encoder: PAYS or DOES_NOT_PAY of pipelines.counts.verdict: the model is refused unless
            the encoder does. Empty: it makes no difference.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        evaluator_blessing: types.BaseChannel,
        evaluation: types.BaseChannel,
        findings: types.BaseChannel,
        examples: types.BaseChannel,
        tasks: list[str],
        margin: float,
        code: str,
        span: int = 0,
        must_beat: Sequence[str] = (),
        counts: types.BaseChannel | None = None,
        if_encoder: str = "",
    ) -> None:
        optional = {} if counts is None else {"counts": counts}
        super().__init__(
            _Spec(
                **optional,
                evaluator_blessing=evaluator_blessing,
                evaluation=evaluation,
                findings=findings,
                examples=examples,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                tasks=json.dumps(tasks),
                margin=margin,
                must_beat=json.dumps(list(must_beat)),
                if_encoder=if_encoder,
                code=code,
                span=span,
            )
        )


def _read_counts(inputs: dict[str, list[types.Artifact]]) -> Counts:
    return read_counts(artifact_utils.get_single_instance(inputs["counts"]).uri)


def _refusals(evaluation: str, examples: str, settings: dict[str, Any]) -> list[str]:
    aucs = overall_aucs(load_evaluation(evaluation), json.loads(settings["tasks"]))
    data = DataReport.model_validate(read_report(examples))
    return refusals(aucs, data, settings["margin"])
