"""The options of the cloze objective."""

from __future__ import annotations

import pydantic

from trainer.pretrain_config import ItemMaskingConfig, PredictingConfig


class MaskingConfig(ItemMaskingConfig):
    """Which behaviours are hidden, and what of them.

    Attributes:
        item_rate: Share of a sequence's behaviours whose item-related features are hidden.
        behavior_rate: Share of others whose behaviour-related features are hidden.
    """

    item_rate: float = pydantic.Field(0.2, ge=0, le=1)
    behavior_rate: float = pydantic.Field(0.2, ge=0, le=1)

    @property
    def behavior_share(self) -> float:
        """See ItemMaskingConfig."""
        return self.behavior_rate

    @pydantic.model_validator(mode="after")
    def _check(self) -> MaskingConfig:
        total = self.item_rate + self.behavior_rate
        if not 0 < total < 1:
            raise ValueError(
                f"item_rate + behavior_rate must lie between 0 and 1. Received: {total}"
            )
        return self


class ClozeConfig(PredictingConfig):
    """Cloze's: both masking strategies of FG-BERT."""

    objective: str = "cloze"
    masking: MaskingConfig = MaskingConfig()
