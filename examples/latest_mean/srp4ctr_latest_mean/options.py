"""The ranker's options, in a file without TensorFlow: configurations are read without it."""

from __future__ import annotations

import pydantic

from trainer.ranker_config import RankerConfig


class LatestMeanConfig(RankerConfig):
    """Its options beside those that all rankers have.

    Attributes:
        latest: How many of the latest behaviours stand for a user; 0 for none.
    """

    model: str = "latest_mean"
    latest: int = pydantic.Field(5, ge=0)
