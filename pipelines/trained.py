"""What a finished run's Trainers were given and left, for what looks inside their models."""

from __future__ import annotations

from pipelines.config import RunConfig
from pipelines.metadata import RunMetadata
from trainer.inputs import StageInputs


def stage_inputs(
    config: RunConfig, metadata: RunMetadata, train: str = "train", validation: str = "validation"
) -> StageInputs:
    """The transformed files and settings that a Trainer of the run was given.

    Args:
        config: The run's configuration.
        metadata: What the run left.
        train: The split that it trained on: `train` or `pretrain`.
        validation: The split that it was measured on.

    Raises:
        RunError: Transform has not finished.
    """
    examples = metadata.output("Transform", "transformed_examples")
    files = {split: [f"{examples}/Split-{split}/*"] for split in (train, validation, "catalog")}
    graph = metadata.output("Transform", "transform_graph")
    return StageInputs(files[train], files[validation], files["catalog"], graph, config.spec, config.trainer)


def model_dir(metadata: RunMetadata, node: str) -> str:
    """The SavedModel that a Trainer has left.

    Raises:
        RunError: it has not finished.
    """
    return f"{metadata.output(node, 'model')}/Format-Serving"
