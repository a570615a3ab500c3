"""Where TFX puts what a component leaves: a folder per split of examples, a model's SavedModel."""

from __future__ import annotations

_SPLIT = "Split-"
_SERVING_MODEL = "Format-Serving"


def split_dir(examples: str, split: str) -> str:
    """The folder of a split's files below an artifact of examples, anomalies or statistics."""
    return f"{examples}/{_SPLIT}{split}"


def split_files(examples: str, split: str) -> str:
    """The pattern of a split's files."""
    return f"{split_dir(examples, split)}/*"


def is_of_split(pattern: str, split: str) -> bool:
    """Whether a pattern of files is of this split."""
    return f"/{_SPLIT}{split}/" in pattern


def serving_model_dir(model: str) -> str:
    """The SavedModel of a Trainer's output."""
    return f"{model}/{_SERVING_MODEL}"
