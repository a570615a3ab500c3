"""The options of DIEN."""

from __future__ import annotations

import pydantic

from preprocessing.config import Config
from trainer.ranker_config import RankerConfig


class DienLoss(Config):
    """DIEN's auxiliary loss.

    Attributes:
        auxiliary_weight: Its weight beside the loss of the labels.
    """

    auxiliary_weight: float = pydantic.Field(1.0, ge=0)


class DienConfig(RankerConfig):
    """DIEN's.

    Attributes:
        dien: Its auxiliary loss.
    """

    model: str = "dien"
    dien: DienLoss = DienLoss()
