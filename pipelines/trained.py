"""What a finished run's Trainers were given and left, for what looks inside their models."""

from __future__ import annotations

from pipelines.config import RunConfig
from pipelines.metadata import RunMetadata
from pipelines.node_ids import TRANSFORM
from preprocessing.artifact_files import serving_model_dir
from trainer.inputs import StageInputs


def stage_inputs(config: RunConfig, metadata: RunMetadata, stage: str = "finetune") -> StageInputs:
    """The transformed files and settings that a Trainer of the run was given.

    Args:
        config: The run's configuration.
        metadata: What the run left.
        stage: What it trained: `pretrain` or `finetune`.

    Raises:
        RunError: Transform has not finished.
    """
    examples = metadata.output(TRANSFORM, "transformed_examples")
    graph = metadata.output(TRANSFORM, "transform_graph")
    return StageInputs.from_transform(stage, examples, graph, config.spec, config.trainer)


def model_dir(metadata: RunMetadata, node: str) -> str:
    """The SavedModel that a Trainer has left.

    Raises:
        RunError: it has not finished.
    """
    return serving_model_dir(metadata.output(node, "model"))
