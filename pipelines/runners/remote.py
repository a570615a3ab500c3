"""Compiles the pipeline for Kubeflow Pipelines v2 or Vertex AI Pipelines, without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import pydantic
import yaml

from pipelines.beam import beam_args
from pipelines.config import RunConfig
from preprocessing.config import Config, ConfigError
from preprocessing.paths import is_local

if TYPE_CHECKING:
    from pipelines.platform import LocalPlatform

RunnerName = Literal["kubeflow", "vertex"]
RUNNERS: tuple[str, ...] = get_args(RunnerName)


class RemoteConfig(Config):
    """How a pipeline runs on a cluster.

    Attributes:
        image: The component image, built by `docker build .`.
        project: The Google Cloud project; Vertex only.
        region: Where Vertex runs the pipeline and its custom jobs.
        machine_type: What a Vertex Trainer runs on.
        accelerator: A Trainer's GPU: NVIDIA_TESLA_T4 on Vertex, nvidia.com/gpu on Kubernetes; none
            by default.
        accelerators: How many GPUs a Trainer gets.
        retries: How often a failed task is tried again.
        retry_seconds: How long the first retry waits; each next one waits twice as long.
    """

    image: str
    project: str | None = None
    region: str | None = None
    machine_type: str = "n1-standard-8"
    accelerator: str | None = None
    accelerators: int = pydantic.Field(0, ge=0)
    retries: int = pydantic.Field(2, ge=0)
    retry_seconds: int = pydantic.Field(60, ge=1)

    @pydantic.model_validator(mode="after")
    def _check(self) -> RemoteConfig:
        if bool(self.accelerator) != bool(self.accelerators):
            raise ValueError(
                "give accelerator and accelerators together. "
                f"Received: {self.accelerator}, {self.accelerators}"
            )
        return self


def compile_pipeline(
    config: RunConfig, runner: str, remote: RemoteConfig, enable_cache: bool = True
) -> dict[str, Any]:
    """The pipeline as a PipelineJob: `pipelineSpec` by KFP's schema 2.1, and `runtimeConfig`.

    Args:
        config: The run's configuration; data and artifacts have to be on storage that the cluster
            reaches.
        runner: kubeflow or vertex.
        remote: What runs where.
        enable_cache: Whether tasks whose inputs have not changed are skipped.

    Raises:
        ConfigError: something is local, or missing.
    """
    _check(config, runner, remote)
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as tfx_runner

    from pipelines.pipeline import create_pipeline

    pipeline = create_pipeline(
        config, beam_args(config.beam), enable_cache, _platform(runner, remote)
    )
    pipeline.pipeline_info.pipeline_name = pipeline_name(config)
    settings = tfx_runner.KubeflowV2DagRunnerConfig(
        default_image=remote.image, use_pipeline_spec_2_1=True
    )
    job = tfx_runner.KubeflowV2DagRunner(settings).run(pipeline, write_out=False)
    _set_default(job, "checks", config.checks.model_dump_json())
    for task in job["pipelineSpec"]["root"]["dag"]["tasks"].values():
        task["retryPolicy"] = {
            "maxRetryCount": remote.retries,
            "backoffDuration": f"{remote.retry_seconds}s",
            "backoffFactor": 2.0,
        }
    return job


def _set_default(job: dict[str, Any], parameter: str, value: str) -> None:
    """Gives a parameter of the pipeline a default.

    TFX leaves it out, and the cluster would ask for the value at every run.
    """
    job["pipelineSpec"]["root"]["inputDefinitions"]["parameters"][parameter] |= {
        "defaultValue": value,
        "isOptional": True,
    }


def pipeline_name(config: RunConfig) -> str:
    """The data set's name as clusters allow it: without underscores."""
    return config.dataset.name.replace("_", "-")


def write_job(job: dict[str, Any], path: Path) -> None:
    """Writes a compiled job.

    Args:
        job: The job.
        path: The file to write. Kubeflow takes the pipelineSpec alone, which is what .yaml gets;
            Vertex takes the whole job, which is what .json gets.

    Raises:
        ConfigError: the path ends with neither .yaml nor .json.
    """
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise ConfigError(
            f"--output must end with .yaml (for Kubeflow) or .json (for Vertex). Received: {path}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        path.write_text(json.dumps(job, indent=1, sort_keys=True))
    else:
        path.write_text(yaml.safe_dump(job["pipelineSpec"]))


def _platform(runner: str, remote: RemoteConfig) -> LocalPlatform:
    from pipelines.platform import KubeflowPlatform, Machine, VertexPlatform

    machine = Machine(
        remote.machine_type, remote.accelerator or "", remote.accelerators, remote.image
    )
    if runner == "kubeflow":
        return KubeflowPlatform(machine)
    return VertexPlatform(machine, remote.project or "", remote.region or "")


def _check(config: RunConfig, runner: str, remote: RemoteConfig) -> None:
    if runner not in RUNNERS:
        raise ConfigError(f"--runner must be one of {', '.join(RUNNERS)}. Received: {runner}")
    places = {
        "data_dir": config.data_dir,
        "artifacts_dir (or runs_dir)": config.artifacts_dir or config.runs_dir,
    }
    local: dict[str, str] = {}
    for key, path in places.items():
        if is_local(path):
            local[key] = path
    if local:
        raise ConfigError(
            f"a cluster reaches no files of this machine: put them on gs://. Received: {local}"
        )
    if places["artifacts_dir (or runs_dir)"].startswith("s3://"):
        raise ConfigError(
            "TensorFlow, which writes artifacts, knows no s3://: put them on gs://. "
            f"Received: {places}"
        )
    if runner == "vertex":
        missing = [name for name in ("project", "region") if not getattr(remote, name)]
        if missing:
            raise ConfigError(f"Vertex needs --{' and --'.join(missing)}.")
    if config.beam.needs_package:
        raise ConfigError(
            f"Beam runner {config.beam.runner} needs a worker image here: beam.image, built for "
            "`worker`."
        )
