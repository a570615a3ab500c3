"""The options of rankers with DIN's attention unit."""

from __future__ import annotations

from trainer.ranker_config import RankerConfig, Units


class DinConfig(RankerConfig):
    """DIN's.

    Attributes:
        attention_units: Hidden units of the attention unit.
    """

    model: str = "din"
    attention_units: tuple[Units, Units] = (80, 40)
