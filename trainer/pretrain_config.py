"""The options that all pre-training objectives share.

An objective's own options are fields of a class of its own, which trainer/registry.py names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from pydantic_core import PydanticCustomError

from preprocessing.config import Config, is_saved
from preprocessing.explain import REFUSED
from trainer.optimizer_config import OptimizerConfig

_UNPREDICTED_BEHAVIOR_RATE = 0.2


class ItemMaskingConfig(Config):
    """For objectives that predict nothing of a behaviour but its item.

    Attributes:
        item_rate: Share of a sequence's behaviours whose item-related features are hidden.
    """

    item_rate: float = pydantic.Field(0.2, gt=0, lt=1)

    @property
    def behavior_share(self) -> float:
        """Share of behaviours whose behaviour-related features are hidden.

        Nothing reads them hidden here, but they are drawn, so that the same items are hidden as by
        other objectives.
        """
        return _UNPREDICTED_BEHAVIOR_RATE

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_behavior_rate(cls, content: Any, info: pydantic.ValidationInfo) -> Any:
        key = "behavior_rate"
        if not isinstance(content, Mapping) or key not in content or key in cls.model_fields:
            return content
        # Earlier releases wrote the key for every objective: what they saved is still read.
        if not is_saved(info):
            message = f"`{key}` is an option of objective cloze: others hide items alone."
            raise PydanticCustomError(REFUSED, "{message}", {"message": message})
        return {name: value for name, value in content.items() if name != key}


class PretrainConfig(Config):
    """What all objectives share.

    Attributes:
        objective: The objective's name in trainer/registry.py.
        epochs: Epochs of a run that starts from nothing.
        batch_size: Windows a batch.
        optimizer: How weights are updated.
        batches_by_length: Whether a batch has histories of like length, which pads less. A hidden
            cell of a batch of short ones then weighs more, for a step's loss is the mean over its
            batch.
        warm_epochs: Epochs of a run that starts from an earlier ranker; by default `epochs`.
        masking: Which behaviours are hidden.
    """

    objective: str
    epochs: int = pydantic.Field(20, ge=1)
    warm_epochs: int | None = pydantic.Field(None, ge=1)
    batch_size: int = pydantic.Field(64, ge=1)
    batches_by_length: bool = False
    masking: ItemMaskingConfig = ItemMaskingConfig()
    optimizer: OptimizerConfig = OptimizerConfig()


class PredictingConfig(PretrainConfig):
    """For objectives that predict words of a vocabulary.

    Attributes:
        sampled_softmax_above: Vocabularies with more rows are trained with sampled softmax.
        sampled_classes: Negatives per step of the sampled softmax.
    """

    sampled_softmax_above: int = pydantic.Field(50_000, ge=1)
    sampled_classes: int = pydantic.Field(2_000, ge=1)

    @pydantic.model_validator(mode="after")
    def _check_sampled(self) -> PredictingConfig:
        if self.sampled_classes > self.sampled_softmax_above:
            raise ValueError(
                "sampled_classes must not exceed sampled_softmax_above, the least size that is "
                f"sampled from. Received: {self.sampled_classes} and {self.sampled_softmax_above}"
            )
        return self
