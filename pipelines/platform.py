"""What differs between the places where the pipeline runs.

They find the artifacts of earlier runs in different ways, and train on different machines.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx.components import Trainer
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, Channel, standard_artifacts

from pipelines.checks.config import ChecksConfig
from pipelines.components.earlier_model import LatestBlessedOfEarlierSpan
from pipelines.components.latest_blessed import LatestBlessedOtherModel
from pipelines.components.previous_statistics import PreviousStatistics
from pipelines.config import RunConfig
from pipelines.node_ids import EARLIER_MODEL, LATEST_BLESSED, PREVIOUS_STATISTICS
from preprocessing.config import ConfigError
from preprocessing.errors import DataError
from preprocessing.shard_count import is_large


class LocalPlatform:
    """One machine, with ML Metadata in SQLite."""

    def previous_statistics(self, statistics: BaseChannel) -> BaseNode | None:
        """A resolver of `statistics`: those that drift is measured against.

        None where there can be none.
        """
        return Resolver(
            strategy_class=PreviousStatistics,
            statistics=Channel(type=standard_artifacts.ExampleStatistics),
            current=statistics,
        ).with_id(PREVIOUS_STATISTICS)

    def latest_blessed(
        self, records: BaseChannel, ranker: BaseChannel, without_encoder: BaseChannel
    ) -> BaseNode | None:
        """A resolver of `model`: the one to beat; None where there can be none.

        Args:
            records: What the candidates are tested on.
            ranker: A candidate.
            without_encoder: The other one.
        """
        return Resolver(
            strategy_class=LatestBlessedOtherModel,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
            ranker=ranker,
            without_encoder=without_encoder,
            records=records,
        ).with_id(LATEST_BLESSED)

    def earlier_model(self, records: BaseChannel) -> BaseNode:
        """A resolver of `model`: the one that training starts from, which may be none.

        Raises:
            ConfigError: models of earlier runs can't be found there.
        """
        return Resolver(
            strategy_class=LatestBlessedOfEarlierSpan,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
            records=records,
        ).with_id(EARLIER_MODEL)

    def trainer(self, node: str, custom_config: dict[str, Any], **arguments: Any) -> BaseNode:
        """A Trainer; it runs where the other components run."""
        return Trainer(custom_config=custom_config, **arguments).with_id(node)

    def analyzes_apart(self, config: RunConfig) -> bool:
        """Whether Transform analyses split by split, in more steps.

        Together is quicker. But Beam's runners on this machine then keep all records in memory.
        """
        if config.beam.is_remote:
            return False
        try:
            return is_large(config.spec)
        except DataError:
            return False  # what is wrong with the log, the component that reads it says

    def checks(self, checks: ChecksConfig) -> str | RuntimeParameter:
        """How strictly data is checked, as JSON, now or when the run starts."""
        return checks.model_dump_json()


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a Trainer runs on.

    Attributes:
        machine_type: A Compute Engine machine type; Vertex only.
        accelerator: A GPU's name on the platform, such as NVIDIA_TESLA_T4; "" is none.
        accelerators: How many of them.
        image: What runs.
    """

    machine_type: str
    accelerator: str
    accelerators: int
    image: str


class _RemotePlatform(LocalPlatform):
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def earlier_model(self, records: BaseChannel) -> BaseNode:
        raise ConfigError(
            "warm_start is for runs on one machine: a cluster can't tell which day an earlier "
            "model is of."
        )

    def analyzes_apart(self, config: RunConfig) -> bool:
        # How large the log is may not be known from here.
        return not config.beam.is_remote

    def checks(self, checks: ChecksConfig) -> str | RuntimeParameter:
        return RuntimeParameter(name="checks", ptype=str, default=checks.model_dump_json())


class KubeflowPlatform(_RemotePlatform):
    """Kubeflow Pipelines v2.

    It runs no resolvers: no model is compared with an earlier one, and no drift is measured.
    """

    def previous_statistics(self, statistics: BaseChannel) -> BaseNode | None:
        return None

    def latest_blessed(
        self, records: BaseChannel, ranker: BaseChannel, without_encoder: BaseChannel
    ) -> BaseNode | None:
        return None

    def trainer(self, node: str, custom_config: dict[str, Any], **arguments: Any) -> BaseNode:
        from kfp.pipeline_spec import pipeline_spec_pb2

        trainer = super().trainer(node, custom_config, **arguments)
        if self._machine.accelerators:
            resources = (
                pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec()
            )
            resources.accelerator.type = self._machine.accelerator
            resources.accelerator.count = self._machine.accelerators
            trainer.platform_config = resources
        return trainer


class VertexPlatform(_RemotePlatform):
    """Vertex AI Pipelines, whose Trainers start custom jobs on machines of their own.

    Args:
        machine: What Trainers run on.
        project: The Google Cloud project.
        region: Where custom jobs run.
    """

    def __init__(self, machine: Machine, project: str, region: str) -> None:
        super().__init__(machine)
        self._project = project
        self._region = region

    def previous_statistics(self, statistics: BaseChannel) -> BaseNode | None:
        """A resolver of the newest statistics when the run starts.

        It waits for no component, so they are those of an earlier run.
        """
        return Resolver(
            strategy_class=LatestArtifactStrategy,
            statistics=Channel(type=standard_artifacts.ExampleStatistics),
        ).with_id(PREVIOUS_STATISTICS)

    def latest_blessed(
        self, records: BaseChannel, ranker: BaseChannel, without_encoder: BaseChannel
    ) -> BaseNode | None:
        return Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id(LATEST_BLESSED)

    def trainer(self, node: str, custom_config: dict[str, Any], **arguments: Any) -> BaseNode:
        from tfx.extensions.google_cloud_ai_platform.trainer import component, executor

        job = {"project": self._project, "worker_pool_specs": [self._pool()]}
        vertex = {
            executor.ENABLE_VERTEX_KEY: True,
            executor.VERTEX_REGION_KEY: self._region,
            executor.TRAINING_ARGS_KEY: job,
        }
        return component.Trainer(custom_config=custom_config | vertex, **arguments).with_id(node)

    def _pool(self) -> dict[str, Any]:
        machine: dict[str, Any] = {"machine_type": self._machine.machine_type}
        if self._machine.accelerators:
            machine |= {
                "accelerator_type": self._machine.accelerator,
                "accelerator_count": self._machine.accelerators,
            }
        return {
            "machine_spec": machine,
            "replica_count": 1,
            "container_spec": {"image_uri": self._machine.image},
        }
