"""DataChecks: schema, drift and skew in words, and what follows from them."""

from __future__ import annotations

import json
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from pipelines.checks.config import ChecksConfig
from pipelines.checks.distances import Statistics, thresholds
from pipelines.checks.finding import Finding
from pipelines.checks.findings import distance_findings, schema_findings
from pipelines.checks.found import Checks, Compared
from preprocessing.artifact_files import split_dir
from preprocessing.errors import DataError
from preprocessing.features import record_features
from preprocessing.spec import DatasetSpec

FINDINGS = "findings.json"
SERVING = "serving"  # the split of logged serving requests
_TRAIN = "train"
_SHOWN = 10  # findings in an error


class _Spec(ComponentSpec):
    # Nobody reads `code`: it makes TFX's cache see a change of code.
    PARAMETERS = {name: ExecutionParameter(type=str) for name in ("spec", "checks", "code")}
    INPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "previous": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "serving": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }
    OUTPUTS = {"findings": ChannelParameter(type=standard_artifacts.ExampleAnomalies)}


class Executor(base_executor.BaseExecutor):
    """Writes findings.json, and fails where the configuration says that a finding fails the run."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the checks.

        Raises:
            DataError: there is a finding whose policy is `fail`.
        """
        spec = DatasetSpec.from_json(exec_properties["spec"])
        checks = ChecksConfig.model_validate_json(exec_properties["checks"])
        found = _check(spec, checks, input_dict)
        output = artifact_utils.get_single_instance(output_dict["findings"])
        with fileio.open(f"{output.uri}/{FINDINGS}", "w") as file:
            file.write(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
        failing = [finding for finding in found.findings if finding.policy == "fail"]
        if failing:
            raise DataError(_refusal(failing))


class DataChecks(base_component.BaseComponent):
    """Checks a run's data.

    Args:
        statistics: StatisticsGen's.
        anomalies: ExampleValidator's.
        spec: The dataset spec.
        checks: How strictly, a ChecksConfig as JSON.
        code: Fingerprint of the code that runs, so that a change of it is not taken for a cache
            hit.
        previous: The previous run's statistics; may resolve to none.
        serving: The statistics of logged serving requests, in split `serving`.
    """

    SPEC_CLASS = _Spec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        spec: DatasetSpec,
        checks: str | RuntimeParameter,
        code: str,
        previous: types.BaseChannel | None = None,
        serving: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            _Spec(
                statistics=statistics,
                anomalies=anomalies,
                previous=previous,
                serving=serving,
                spec=spec.model_dump_json(),
                checks=checks,
                code=code,
                findings=types.Channel(type=standard_artifacts.ExampleAnomalies),
            )
        )


def _check(
    spec: DatasetSpec, checks: ChecksConfig, inputs: dict[str, list[types.Artifact]]
) -> Checks:
    limits = thresholds(spec, checks)
    by_name = {feature.name: feature for feature in record_features(spec)}
    train = _statistics(inputs["statistics"], _TRAIN)
    previous = _statistics(inputs.get("previous") or [], _TRAIN)
    serving = _statistics(inputs.get("serving") or [], SERVING)
    findings = list(schema_findings(_anomalies(inputs["anomalies"]), checks))
    if train and previous:
        findings += distance_findings(
            "drift",
            checks.drift_policy,
            now=train,
            before=previous,
            limits=limits,
            by_name=by_name,
        )
    if train and serving:
        findings += distance_findings(
            "skew", checks.skew_policy, now=serving, before=train, limits=limits, by_name=by_name
        )
    compared = Compared(drift=bool(train and previous), skew=bool(train and serving))
    return Checks(compared=compared, findings=findings)


def read_checks(uri: str) -> Checks:
    """What the component compared and found."""
    with fileio.open(f"{uri}/{FINDINGS}") as file:
        return Checks.model_validate_json(file.read())


def _statistics(artifacts: list[types.Artifact], split: str) -> Statistics | None:
    """A split's statistics.

    None where there is no such artifact or split, or no record in the split.
    """
    if not artifacts:
        return None
    artifact = artifact_utils.get_single_instance(artifacts)
    if split not in artifact_utils.decode_split_names(artifact.split_names):
        return None
    statistics = stats_artifact_utils.load_statistics(artifact, split).proto()
    has_records = len(statistics.datasets) == 1 and statistics.datasets[0].num_examples
    return statistics if has_records else None


def _anomalies(artifacts: list[types.Artifact]) -> dict[str, anomalies_pb2.Anomalies]:
    artifact = artifact_utils.get_single_instance(artifacts)
    found = {}
    for split in artifact_utils.decode_split_names(artifact.split_names):
        with fileio.open(f"{split_dir(artifact.uri, split)}/SchemaDiff.pb", "rb") as file:
            found[split] = anomalies_pb2.Anomalies.FromString(file.read())
    return found


def _refusal(failing: list[Finding]) -> str:
    lines = [f"the data failed its checks ({len(failing)}):"]
    for finding in failing[:_SHOWN]:
        lines.append(f"- {finding.message} Look at {finding.look_at}.")
    if len(failing) > _SHOWN:
        lines.append(f"- and {len(failing) - _SHOWN} more")
    keys = {f"checks.{finding.check}_policy" for finding in failing}
    lines.append(f"To go on nevertheless, set {' and '.join(sorted(keys))} to block or warn.")
    return "\n".join(lines)
