"""What can be set of every ranker.

A ranker's own options are fields of a class of its own, which trainer/registry.py names.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

from preprocessing.config import Config
from preprocessing.spec import DatasetSpec

Units = Annotated[int, pydantic.Field(ge=1)]


class RankerConfig(Config):
    """What all rankers share: embeddings, head and dropout.

    Attributes:
        model: The ranker's name in trainer/registry.py.
        embedding_dim: Width of the ranker's own embeddings.
        experts: MMoE experts.
        expert_units: Widths of each expert's two layers.
        tower_units: Width of each task's own layer.
        dropout: Rate, on what goes to the head.
        id_dropout: The share of candidates whose id counts as a new one while training, so that the
            model knows what to do with items that come later.
        match: Whether it reads the match features that the spec declares (`features.match`).
    """

    model: str
    embedding_dim: int = pydantic.Field(16, ge=1)
    experts: int = pydantic.Field(4, ge=1)
    expert_units: tuple[Units, Units] = (128, 64)
    tower_units: int = pydantic.Field(32, ge=1)
    dropout: float = pydantic.Field(0.2, ge=0, lt=1)
    id_dropout: float = pydantic.Field(0.0, ge=0, lt=1)
    match: bool = True

    @property
    def has_encoder(self) -> bool:
        """Whether the ranker uses a pre-trained encoder."""
        return False

    def without_encoder(self) -> RankerConfig:
        """The same ranker with the encoder's parts off."""
        return self

    def check_fits(self, spec: DatasetSpec) -> None:
        """Raises a ConfigError where the records of `spec` are not what this ranker needs."""
