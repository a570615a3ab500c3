"""The options of CAN."""

from __future__ import annotations

import pydantic

from preprocessing.config import Config
from trainer.models.din_config import DinConfig
from trainer.ranker_config import Units


class CoActionConfig(Config):
    """CAN's co-action units.

    Attributes:
        widths: Of the micro-MLP: its input, then its layers' outputs.
        orders: Powers of the input that go through it.
    """

    widths: tuple[Units, ...] = pydantic.Field((8, 8, 4), min_length=2)
    orders: int = pydantic.Field(2, ge=1)


class CanConfig(DinConfig):
    """CAN's, over DIN's.

    Attributes:
        can: Its co-action units.
    """

    model: str = "can"
    can: CoActionConfig = CoActionConfig()
