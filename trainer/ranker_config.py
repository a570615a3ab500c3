"""The options that all rankers share.

A ranker's own options are fields of a class of its own, which trainer/registry.py names.
"""

from __future__ import annotations

from typing import Annotated

import pydantic

from preprocessing.config import Config, ConfigError
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
        id_dropout: The share of candidates and behaviours whose item's id counts as a new one while
            training, so that the model knows what to do with items that come later.
        match: Whether it reads the match features that the spec declares (`features.match`).
        transitions: Whether a logit has a weight for each pair of values, of the latest behaviour
            and of the candidate, of every feature that a match compares, if it has one value and
            at most 1,023 words.
    """

    model: str
    embedding_dim: int = pydantic.Field(16, ge=1)
    experts: int = pydantic.Field(4, ge=1)
    expert_units: tuple[Units, Units] = (128, 64)
    tower_units: int = pydantic.Field(32, ge=1)
    dropout: float = pydantic.Field(0.2, ge=0, lt=1)
    id_dropout: float = pydantic.Field(0.0, ge=0, lt=1)
    match: bool = True
    transitions: bool = False

    @pydantic.model_validator(mode="after")
    def _check_transitions(self) -> RankerConfig:
        if self.transitions and not self.match:
            raise ValueError("transitions are of what a match compares: they need match: true")
        return self

    @property
    def has_encoder(self) -> bool:
        """Whether the ranker uses a pre-trained encoder."""
        return False

    def without_encoder(self) -> RankerConfig:
        """The same ranker with the encoder's parts off."""
        return self

    def check_fits(self, spec: DatasetSpec) -> None:
        """Raises a ConfigError where the records of `spec` are not what this ranker needs."""
        if not self.transitions:
            return
        compared: set[str] = set()
        for name, match in spec.features.match.items():
            compared.update(match.fields_of(name))
        if not any(
            kind.width == 1 for name, kind in spec.features.item.items() if name in compared
        ):
            raise ConfigError(
                "trainer.ranker.transitions pairs what a match compares. dataset.features.match "
                "must name an item feature of kind categorical. Received: "
                f"{', '.join(sorted(compared)) or 'no match'}"
            )
