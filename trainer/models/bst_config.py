"""The options of BST."""

from __future__ import annotations

import pydantic

from preprocessing.config import Config, ConfigError
from preprocessing.features import model_features
from preprocessing.spec import DatasetSpec
from trainer.ranker_config import RankerConfig


class BstTransformer(Config):
    """BST's Transformer over history and candidate.

    Attributes:
        layers: How many.
        heads: Attention heads; must divide the width of an embedded behaviour.
        feedforward: Width of the position-wise feed-forward network.
        dropout: Rate, on sublayer outputs.
    """

    layers: int = pydantic.Field(1, ge=1)
    heads: int = pydantic.Field(2, ge=1)
    feedforward: int = pydantic.Field(128, ge=1)
    dropout: float = pydantic.Field(0.1, ge=0, lt=1)


class BstConfig(RankerConfig):
    """BST's.

    Attributes:
        bst: Its Transformer.
    """

    model: str = "bst"
    bst: BstTransformer = BstTransformer()

    def check_fits(self, spec: DatasetSpec) -> None:
        """See RankerConfig."""
        super().check_fits(spec)
        fields = [feature for feature in model_features(spec) if feature.side == "history"]
        width = len(fields) * self.embedding_dim
        if width % self.bst.heads:
            raise ConfigError(
                "trainer.ranker.bst.heads must divide the width of an embedded behaviour, here "
                f"{width} ({len(fields)} features of trainer.ranker.embedding_dim each). "
                f"Received: {self.bst.heads}"
            )
