"""What every kind of feature is."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from preprocessing.features import ModelFeature
    from preprocessing.spec import Feature
    from preprocessing.transform import Analyses


class Kind(abc.ABC):
    """What a feature's values are, and how they become indices: 0 where absent, else from 1 on.

    A kind's file imports TensorFlow in `index` alone: specs are read without it.

    Attributes:
        sides: What features of the kind may describe.
        column: What the column that it is read from is checked as; None: it has none, it is derived from timestamps
            inside the transform graph, so that a serving request need not send it.
        has_vocabulary: Whether its values are words, counted in training.
        multivalent: Whether a value is several words; they are joined with `|`, and have indices of their own.
    """

    sides: tuple[str, ...] = ("user", "item", "behavior", "context")
    column: Literal["text", "number", "multivalent"] | None = "text"
    has_vocabulary = False
    multivalent = False

    def size(self, spec: Feature) -> int:
        """How many indices above 0 it can take; not asked of kinds with a vocabulary."""
        return spec.buckets

    @abc.abstractmethod
    def index(self, feature: ModelFeature, spec: Feature, graph: Analyses) -> Any:
        """Indices int64, [B] or ragged [B, (L)], of a feature's values in the transform graph.

        Args:
            feature: Which.
            spec: Its declaration.
            graph: The graph's inputs, and what is learned from the training split.
        """
